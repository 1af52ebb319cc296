/* SPDX-License-Identifier: Apache-2.0 */
#include "text/yaml.h"

#include <yaml.h>

#include "base/check.h"
#include "base/map.h"

#define MAX_BYTES  ((size_t)1 << 20)
#define MAX_LEVELS 16

struct reader {
	yaml_parser_t parser;
	const char *name;
	struct mg_span bytes;
	struct arena *arena;
	struct mg_err *err;
};

/* What is needed of an event, copied out so that the event is freed at once. */
struct token {
	yaml_event_type_t type;
	unsigned line, column;
	struct mg_span scalar;
	bool quoted;
};

static enum mg_code refuse(struct reader *r, const struct token *at, const char *what)
{
	return err_set(r->err, MG_INVALID, MG_CAUSE_NONE, "%s:%u:%u: %s", r->name, at->line,
		       at->column, what);
}

static void place(struct token *t, yaml_mark_t mark)
{
	t->line = (unsigned)mark.line + 1;
	t->column = (unsigned)mark.column + 1;
}

/* Bytes that are no UTF-8 or no YAML characters have an offset and no mark. */
static void place_offset(struct token *t, struct mg_span bytes, size_t offset)
{
	struct mg_span before = span_first(bytes, offset);
	t->line = 1;
	for (size_t i = 0; i < before.n; i++)
		t->line += before.p[i] == '\n';
	t->column = (unsigned)(before.n - (size_t)(span_last_index(before, '\n') + 1)) + 1;
}

static enum mg_code refuse_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct token at = { 0 };
	MG_ASSERT(p->error != YAML_MEMORY_ERROR);
	if (p->error == YAML_READER_ERROR)
		place_offset(&at, r->bytes, p->problem_offset);
	else
		place(&at, p->problem_mark);
	if (p->context == NULL) return refuse(r, &at, p->problem);
	return err_set(r->err, MG_INVALID, MG_CAUSE_NONE, "%s:%u:%u: %s (%s)", r->name, at.line,
		       at.column, p->problem, p->context);
}

/* The reason why an event is not for us, or NULL. */
static const char *unwanted(const yaml_event_t *e)
{
	static const char anchors[] = "anchors (&name) are not supported";
	static const char tags[] = "tags (!name) are not supported";
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return "aliases (*name) are not supported";
	case YAML_SCALAR_EVENT:
		if (e->data.scalar.anchor != NULL) return anchors;
		return e->data.scalar.tag != NULL ? tags : NULL;
	case YAML_SEQUENCE_START_EVENT:
		if (e->data.sequence_start.anchor != NULL) return anchors;
		return e->data.sequence_start.tag != NULL ? tags : NULL;
	case YAML_MAPPING_START_EVENT:
		if (e->data.mapping_start.anchor != NULL) return anchors;
		return e->data.mapping_start.tag != NULL ? tags : NULL;
	default:
		return NULL;
	}
}

static enum mg_code read_token(struct reader *r, struct token *t)
{
	yaml_event_t e;
	if (!yaml_parser_parse(&r->parser, &e)) return refuse_syntax(r);
	*t = (struct token){ .type = e.type };
	place(t, e.start_mark);
	const char *reason = unwanted(&e);
	if (e.type == YAML_SCALAR_EVENT) {
		t->scalar =
			arena_dup(r->arena, span_make(e.data.scalar.value, e.data.scalar.length));
		t->quoted = e.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	}
	yaml_event_delete(&e);
	return reason != NULL ? refuse(r, t, reason) : MG_OK;
}

static enum mg_code read_node(struct reader *r, const struct token *t, int level,
			      struct yaml_node **out);

static enum mg_code read_seq(struct reader *r, int level, struct yaml_node **tail)
{
	for (;;) {
		struct token t;
		enum mg_code rc = read_token(r, &t);
		if (rc != MG_OK || t.type == YAML_SEQUENCE_END_EVENT) return rc;
		if ((rc = read_node(r, &t, level + 1, tail)) != MG_OK) return rc;
		tail = &(*tail)->next;
	}
}

static enum mg_code read_entries(struct reader *r, int level, struct map *keys,
				 struct yaml_node **tail)
{
	for (;;) {
		struct token key, value;
		enum mg_code rc = read_token(r, &key);
		if (rc != MG_OK || key.type == YAML_MAPPING_END_EVENT) return rc;
		if (key.type != YAML_SCALAR_EVENT)
			return refuse(r, &key, "a key must be a plain text");
		if (map_get(keys, key.scalar) != NULL)
			return refuse(r, &key, "the key occurs twice");
		struct map_node *seen = arena_alloc(r->arena, sizeof *seen);
		seen->key = key.scalar;
		map_put(keys, seen);

		if ((rc = read_token(r, &value)) != MG_OK) return rc;
		if ((rc = read_node(r, &value, level + 1, tail)) != MG_OK) return rc;
		(*tail)->key = key.scalar;
		(*tail)->key_line = key.line;
		(*tail)->key_column = key.column;
		tail = &(*tail)->next;
	}
}

static enum mg_code read_map(struct reader *r, int level, struct yaml_node **tail)
{
	struct map keys = MAP_INIT;
	enum mg_code rc = read_entries(r, level, &keys, tail);
	map_deinit(&keys);
	return rc;
}

/* The node that t begins. level: how many maps and sequences are around it. */
static enum mg_code read_node(struct reader *r, const struct token *t, int level,
			      struct yaml_node **out)
{
	if (t->type != YAML_SCALAR_EVENT && level >= MAX_LEVELS)
		return refuse(r, t, "maps and lists nest deeper than 16 levels");
	struct yaml_node *node = arena_alloc(r->arena, sizeof *node);
	node->line = t->line;
	node->column = t->column;
	*out = node;
	if (t->type == YAML_MAPPING_START_EVENT) {
		node->kind = YAML_MAP;
		return read_map(r, level, &node->first);
	}
	if (t->type == YAML_SEQUENCE_START_EVENT) {
		node->kind = YAML_SEQ;
		return read_seq(r, level, &node->first);
	}
	node->kind = YAML_SCALAR;
	node->scalar = t->scalar;
	node->quoted = t->quoted;
	return MG_OK;
}

static enum mg_code read_stream(struct reader *r, struct yaml_node **out)
{
	struct token t;
	enum mg_code rc;
	if ((rc = read_token(r, &t)) != MG_OK) return rc; /* the stream's start */
	if ((rc = read_token(r, &t)) != MG_OK) return rc;
	if (t.type == YAML_STREAM_END_EVENT) {
		*out = arena_alloc(r->arena, sizeof **out);
		**out = (struct yaml_node){ .kind = YAML_MAP, .line = 1, .column = 1 };
		return MG_OK;
	}
	struct yaml_node *root;
	if ((rc = read_token(r, &t)) != MG_OK) return rc;
	if ((rc = read_node(r, &t, 0, &root)) != MG_OK) return rc;
	if (root->kind == YAML_SCALAR && root->scalar.n == 0 && !root->quoted)
		root->kind = YAML_MAP;
	if ((rc = read_token(r, &t)) != MG_OK) return rc; /* the document's end */
	if ((rc = read_token(r, &t)) != MG_OK) return rc;
	if (t.type != YAML_STREAM_END_EVENT) return refuse(r, &t, "a second document begins here");
	*out = root;
	return MG_OK;
}

enum mg_code yaml_parse(const char *name, struct mg_span bytes, struct arena *a,
			struct yaml_node **out, struct mg_err *err)
{
	if (bytes.n > MAX_BYTES)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "%s: %zu bytes; at most %zu are read", name, bytes.n, MAX_BYTES);
	struct reader r = { .name = name, .bytes = bytes, .arena = a, .err = err };
	MG_ASSERT(yaml_parser_initialize(&r.parser));
	/* Else the first bytes could make it UTF-16, which editors and reviewers would not show alike. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(bytes.n ? bytes.p : ""),
				     bytes.n);
	enum mg_code rc = read_stream(&r, out);
	yaml_parser_delete(&r.parser);
	return rc;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (map == NULL || map->kind != YAML_MAP) return NULL;
	struct mg_span wanted = span_of(key);
	for (const struct yaml_node *entry = map->first; entry != NULL; entry = entry->next)
		if (span_eq(entry->key, wanted)) return entry;
	return NULL;
}
