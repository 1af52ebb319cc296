/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"
#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void visit(const struct yaml_node *n, int level)
{
	MG_ASSERT(level <= 16 && n->line >= 1 && n->column >= 1);
	MG_ASSERT(n->kind != YAML_SCALAR || n->first == NULL);
	for (const struct yaml_node *e = n->first; e != NULL; e = e->next) {
		if (n->kind == YAML_MAP) {
			MG_ASSERT(e->key.p != NULL && e->key_line >= 1 && e->key_line <= e->line);
			MG_ASSERT(yaml_get(n, e->key.p) == e ||
				  memchr(e->key.p, 0, e->key.n) != NULL);
		}
		visit(e, level + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct yaml_node *root = NULL;
	struct mg_err err = { 0 };
	enum mg_code rc = yaml_parse("f", span_make(data, size), &a, &root, &err);
	MG_ASSERT(rc == MG_OK || (rc == MG_INVALID && root == NULL && err.text[0] != '\0'));
	if (rc == MG_OK) visit(root, 0);
	arena_deinit(&a);
	return 0;
}
