/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/utf8.h"

#define MAX_BYTES  ((size_t)1 << 20)
#define MAX_LEVELS 16

/* struct json is never defined: the handles are jansson's values under a name of our own. */
static const json_t *value_of(const struct json *j)
{
	return (const json_t *)(const void *)j;
}

static const struct json *handle_of(const json_t *v)
{
	return (const struct json *)(const void *)v;
}

/* How deep do arrays and objects nest? Counted before jansson recurses. Exact for well-formed text;
 * of other text it need only be finite. */
static size_t count_levels(struct mg_span s)
{
	size_t level = 0, most = 0;
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			most = ++level > most ? level : most;
		else if (!quoted && (c == '}' || c == ']'))
			level -= level > 0;
	}
	return most;
}

/* Else what finds no memory would be called malformed. */
static void take_memory(void)
{
	json_set_alloc_funcs(check_malloc, free);
}

enum mg_code json_parse(struct mg_span bytes, struct json **out, struct mg_err *err)
{
	if (bytes.n > MAX_BYTES)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "JSON of %zu bytes; at most %zu are read", bytes.n, MAX_BYTES);
	if (count_levels(bytes) > MAX_LEVELS)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "JSON nests deeper than %d levels",
			       MAX_LEVELS);
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, take_memory);
	json_error_t at;
	json_t *v = json_loadb(bytes.n ? bytes.p : "", bytes.n,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
	if (v == NULL)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "malformed JSON at line %d, column %d: %s", at.line, at.column,
			       at.text);
	*out = (struct json *)(void *)v;
	return MG_OK;
}

void json_free(struct json **root)
{
	json_decref((json_t *)(void *)*root);
	*root = NULL;
}

const struct json *json_member(const struct json *j, const char *key)
{
	return handle_of(json_object_get(value_of(j), key));
}

size_t json_count(const struct json *j)
{
	const json_t *v = value_of(j);
	return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const struct json *json_at(const struct json *j, size_t i)
{
	return handle_of(json_array_get(value_of(j), i));
}

bool json_as_string(const struct json *j, struct mg_span *out)
{
	const json_t *v = value_of(j);
	if (!json_is_string(v)) return false;
	*out = span_make(json_string_value(v), json_string_length(v));
	return true;
}

bool json_as_int(const struct json *j, int64_t *out)
{
	const json_t *v = value_of(j);
	if (!json_is_integer(v)) return false;
	*out = json_integer_value(v);
	return true;
}

bool json_as_bool(const struct json *j, bool *out)
{
	const json_t *v = value_of(j);
	if (!json_is_boolean(v)) return false;
	*out = json_is_true(v);
	return true;
}

void json_quote(struct mg_span s, struct mg_buf *out)
{
	buf_append_char(out, '"');
	while (s.n > 0) {
		uint32_t point = 0;
		size_t len = utf8_decode(s, &point);
		if (len == 0)
			buf_append_str(out, UTF8_REPLACEMENT);
		else if (utf8_is_control(point))
			buf_printf(out, "\\u%04x", (unsigned)point);
		else if (point == '"' || point == '\\')
			buf_printf(out, "\\%c", (int)point);
		else
			buf_append(out, span_first(s, len));
		s = span_from(s, len > 0 ? len : 1);
	}
	buf_append_char(out, '"');
}
