/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/foldtree.h"

#include "base/check.h"
#include "gomod/rune.h"
#include "gomod/unicode_fold.h"

/* One element of a path. The key is the parent's number and the folded name, so that a path costs
 * its length however deep it is. */
struct node {
	struct map_node in_map;
	struct mg_span name;
	uint32_t id; /* from 1; 0 is the root */
	bool is_dir;
};

void foldtree_deinit(struct foldtree *t)
{
	map_deinit(&t->nodes);
	arena_deinit(&t->arena);
	buf_deinit(&t->key);
}

static void make_key(struct foldtree *t, uint32_t parent, struct mg_span name)
{
	buf_clear(&t->key);
	buf_append(&t->key, span_make(&parent, sizeof parent));
	while (name.n > 0)
		rune_append(unicode_fold(rune_next(&name)), &t->key);
	MG_ASSERT(!buf_failed(&t->key));
}

static struct node *find_or_add(struct foldtree *t, uint32_t parent, struct mg_span name,
				bool is_dir, bool *added)
{
	make_key(t, parent, name);
	struct map_node *found = map_get(&t->nodes, buf_span(&t->key));
	*added = found == NULL;
	if (found != NULL) return (struct node *)(void *)found;
	struct node *node = arena_alloc(&t->arena, sizeof *node);
	node->in_map.key = arena_dup(&t->arena, buf_span(&t->key));
	node->name = name;
	node->id = ++t->count;
	node->is_dir = is_dir;
	map_put(&t->nodes, &node->in_map);
	return node;
}

const char *foldtree_add(struct foldtree *t, struct mg_span path, bool is_dir)
{
	uint32_t parent = 0;
	while (path.p != NULL) {
		struct mg_span name = span_cut(&path, '/');
		bool last = path.p == NULL, added;
		if (t->count == FOLDTREE_NODES_MAX) return "too many files and directories";
		struct node *node = find_or_add(t, parent, name, !last || is_dir, &added);
		if (!span_eq(node->name, name)) return "differs from another name by case only";
		if (node->is_dir != (!last || is_dir)) return "is both a file and a directory";
		if (last && !is_dir && !added) return "occurs twice";
		parent = node->id;
	}
	return NULL;
}
