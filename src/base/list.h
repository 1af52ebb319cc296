/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list. The head is a node whose owner is nobody. Nodes belong to their owners;
 * one thread at a time. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define LIST_OWNER(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))
#define LIST_EACH(it, head)           for (struct list *it = (head)->next; it != (head); it = it->next)
/* Safe against removal of `it` (and of nothing else). */
#define LIST_EACH_SAFE(it, head)                                                                   \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                  \
	     it = it##_next, it##_next = it->next)

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}
static inline void list_prepend(struct list *head, struct list *node)
{
	list_append(head->next, node);
}
/* Puts all nodes of from, in their order, behind those of head; from is empty then. */
static inline void list_take(struct list *head, struct list *from)
{
	if (from->next == from) return;
	from->next->prev = head->prev;
	from->prev->next = head;
	head->prev->next = from->next;
	head->prev = from->prev;
	list_init(from);
}
/* Leaves node pointing at itself, so that removing twice is harmless. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
static inline struct list *list_first(struct list *head)
{
	return list_empty(head) ? NULL : head->next;
}

#endif
