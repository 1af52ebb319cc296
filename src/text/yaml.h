/* SPDX-License-Identifier: Apache-2.0 */
/* Settings and rules as YAML 1.1 by libyaml's events: a tree of maps, sequences and scalars, each
 * with its place. Anchors, aliases, tags, several documents, duplicate keys, more than 16 levels or
 * 1 MiB are refused. No types: every scalar is a string, the schema above decides. */
#ifndef TEXT_YAML_H
#define TEXT_YAML_H

#include "base/arena.h"
#include "base/err.h"

enum yaml_kind {
	YAML_SCALAR,
	YAML_MAP,
	YAML_SEQ
};

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column; /* from 1 */
	struct mg_span key;    /* of an entry of a map; its own place: */
	unsigned key_line, key_column;
	struct mg_span scalar; /* YAML_SCALAR */
	bool quoted;
	struct yaml_node *first; /* entries of a MAP or SEQ, in order */
	struct yaml_node *next;  /* sibling */
};

/* name: of the file, for messages ("FILE:LINE:COLUMN: …"). An empty document is an empty map. The
 * tree lives in the arena. MG_INVALID otherwise. */
MG_CHECK enum mg_code yaml_parse(const char *name, struct mg_span bytes, struct arena *a,
				 struct yaml_node **out, struct mg_err *err);
/* The entry of a map; NULL when there is none, or map is no map or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
