/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/info.h"

#include "base/check.h"
#include "base/clock.h"
#include "gomod/modpath.h"
#include "gomod/rfc3339.h"
#include "text/json.h"

static enum mg_code refuse(struct mg_err *err, const struct target *t, const char *why)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_UPSTREAM,
		       "the upstream's answer for %.*s (%s) cannot be used: %s",
		       SPAN_ARG(span_first(t->path, 160)), target_kind_name(t->kind), why);
}

/* Go matches member names without regard to case; these two spellings are met. */
static const struct json *member(const struct json *object, const char *key, const char *lower)
{
	const struct json *value = json_member(object, key);
	return value != NULL ? value : json_member(object, lower);
}

/* Missing or null. (The view does not tell null from an empty container; neither says a time.) */
static bool is_absent(const struct json *j)
{
	int64_t number;
	bool truth;
	return !json_as_int(j, &number) && !json_as_bool(j, &truth) && json_count(j) == 0;
}

static const char *version_fault(struct mg_span version, const struct target *t)
{
	if (t->kind == TARGET_INFO && !span_eq(version, t->version))
		return "it is about another version than the one asked for";
	if (modpath_check_version(t->path, version, NULL) != MG_OK)
		return "its Version is not a canonical version of this module path";
	return NULL;
}

static const char *read_members(const struct json *root, const struct target *t, struct arena *a,
				struct info *out)
{
	struct mg_span version, time;
	if (!json_as_string(member(root, "Version", "version"), &version)) return "no Version";
	const char *fault = version_fault(version, t);
	if (fault != NULL) return fault;
	struct info info = { .version = arena_dup(a, version) };
	const struct json *moment = member(root, "Time", "time");
	info.has_time = json_as_string(moment, &time);
	if (info.has_time ? !rfc3339_parse(time, &info.time_s) : !is_absent(moment))
		return "its Time is not RFC 3339";
	*out = info;
	return NULL;
}

enum mg_code info_parse(struct mg_span bytes, const struct target *t, struct arena *a,
			struct info *out, struct mg_err *err)
{
	MG_ASSERT(t->kind == TARGET_INFO || t->kind == TARGET_QUERY || t->kind == TARGET_LATEST);
	struct json *root = NULL;
	struct mg_err why;
	if (json_parse(bytes, &root, &why) != MG_OK) return refuse(err, t, why.text);
	const char *fault = read_members(root, t, a, out);
	json_free(&root);
	return fault == NULL ? MG_OK : refuse(err, t, fault);
}

void info_write(const struct info *info, struct mg_buf *out)
{
	buf_append_str(out, "{\"Version\":");
	json_quote(info->version, out);
	if (info->has_time) {
		char time[21];
		clock_rfc3339(info->time_s, time);
		buf_printf(out, ",\"Time\":\"%s\"", time);
	}
	buf_append_char(out, '}');
}
