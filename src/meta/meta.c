/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "meta/meta_file.h"

#define NAME_MAX_LEN 64
#define POLL_MS      50

struct meta {
	struct meta_file file;
};

static void check_name(const char *name)
{
	const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
	MG_ASSERT(n > 0 && n <= NAME_MAX_LEN && name[n] == '\0' && name[0] != '.');
}

enum mg_code meta_open(const char *root, struct meta **out, struct mg_err *err)
{
	struct meta *m = check_calloc(1, sizeof *m);
	const enum mg_code rc = meta_file_open(root, &m->file, err);
	if (rc == MG_OK)
		*out = m;
	else
		free(m);
	return rc;
}

void meta_close(struct meta **m)
{
	if (*m == NULL) return;
	meta_file_close(&(*m)->file);
	free(*m);
	*m = NULL;
}

enum mg_code meta_get(struct meta *m, const char *name, struct mg_buf *out, uint64_t *revision,
		      struct mg_err *err)
{
	check_name(name);
	return meta_file_get(&m->file, name, out, revision, err);
}

enum meta_outcome meta_put_if_absent(struct meta *m, const char *name, struct mg_span bytes,
				     struct mg_err *err)
{
	check_name(name);
	MG_ASSERT(bytes.n <= META_MAX);
	return meta_file_put(&m->file, name, 0, bytes, err);
}

enum meta_outcome meta_swap(struct meta *m, const char *name, uint64_t revision,
			    struct mg_span bytes, struct mg_err *err)
{
	check_name(name);
	MG_ASSERT(bytes.n <= META_MAX && revision > 0);
	return meta_file_put(&m->file, name, revision, bytes, err);
}

/* --- leases: a value "OWNER FENCE UNTIL_MS", changed only by swap --- */

struct holding {
	char owner[META_OWNER_MAX + 1]; /* "-": given back */
	struct meta_lease lease;
	uint64_t revision; /* 0: there never was one */
};

static void lease_name(const char *name, char out[NAME_MAX_LEN + 1])
{
	const int n = snprintf(out, NAME_MAX_LEN + 1, META_LEASE_PREFIX "%s", name);
	MG_ASSERT(n <= NAME_MAX_LEN);
}

static enum mg_code read_holding(struct meta *m, const char *name, struct holding *out,
				 struct mg_err *err)
{
	struct mg_buf text = BUF_MAX(256);
	*out = (struct holding){ .owner = "-" };
	enum mg_code rc = meta_get(m, name, &text, &out->revision, err);
	if (rc == MG_NOT_FOUND) rc = MG_OK;
	if (rc == MG_OK && out->revision > 0) {
		struct mg_span rest = buf_span(&text);
		const struct mg_span owner = span_cut(&rest, ' ');
		const struct mg_span fence = span_cut(&rest, ' ');
		uint64_t until_ms;
		if (owner.n == 0 || owner.n > META_OWNER_MAX ||
		    !span_u64(fence, UINT64_MAX, &out->lease.fence) ||
		    !span_u64(rest, INT64_MAX, &until_ms)) {
			rc = err_set(err, MG_CORRUPT, MG_CAUSE_STORAGE, "meta: %s is no lease",
				     name);
		} else {
			memcpy(out->owner, owner.p, owner.n);
			out->owner[owner.n] = '\0';
			out->lease.until_ms = (int64_t)until_ms;
		}
	}
	buf_deinit(&text);
	return rc;
}

static enum meta_outcome write_holding(struct meta *m, const char *name, const struct holding *h,
				       struct mg_err *err)
{
	char text[128];
	const int n = snprintf(text, sizeof text, "%s %" PRIu64 " %" PRId64, h->owner,
			       h->lease.fence, h->lease.until_ms);
	const struct mg_span bytes = span_make(text, (size_t)n);
	return h->revision == 0 ? meta_put_if_absent(m, name, bytes, err)
				: meta_swap(m, name, h->revision, bytes, err);
}

static void check_owner(const char *owner)
{
	const size_t n = strlen(owner);
	MG_ASSERT(n > 0 && n <= META_OWNER_MAX && strcmp(owner, "-") != 0);
	for (size_t i = 0; i < n; i++)
		MG_ASSERT(owner[i] > ' ' && owner[i] < 0x7f);
}

enum meta_outcome meta_lease_take(struct meta *m, const char *plain, const char *owner,
				  int64_t now_ms, uint32_t ttl_ms, struct meta_lease *out,
				  struct mg_err *err)
{
	char name[NAME_MAX_LEN + 1];
	lease_name(plain, name);
	check_owner(owner);
	for (;;) {
		struct holding h;
		if (read_holding(m, name, &h, err) != MG_OK) return META_FAULT;
		const bool held = strcmp(h.owner, "-") != 0 && now_ms < h.lease.until_ms;
		const bool ours = held && strcmp(h.owner, owner) == 0;
		if (held && !ours) {
			*out = h.lease;
			return META_LOST;
		}
		if (!ours) h.lease.fence++;
		snprintf(h.owner, sizeof h.owner, "%s", owner);
		h.lease.until_ms = now_ms + ttl_ms;
		const enum meta_outcome outcome = write_holding(m, name, &h, err);
		/* Another's swap came between: look who has it now. */
		if (outcome == META_LOST) continue;
		if (outcome == META_DONE) *out = h.lease;
		return outcome;
	}
}

enum meta_outcome meta_lease_give_back(struct meta *m, const char *plain, const char *owner,
				       int64_t now_ms, struct mg_err *err)
{
	char name[NAME_MAX_LEN + 1];
	lease_name(plain, name);
	check_owner(owner);
	struct holding h;
	if (read_holding(m, name, &h, err) != MG_OK) return META_FAULT;
	if (strcmp(h.owner, owner) != 0 || now_ms >= h.lease.until_ms) return META_LOST;
	h.owner[0] = '-';
	h.owner[1] = '\0';
	h.lease.until_ms = 0;
	return write_holding(m, name, &h, err);
}

/* Looks again and again rather than ask for inotify: that sees nothing of what other hosts write to a
 * shared file system, and its queue can overflow, so the looking would be needed all the same. Watchers
 * are few, and a look at a small cached file costs microseconds. */
enum mg_code meta_watch(struct meta *m, const char *name, uint64_t seen, uint32_t timeout_ms,
			uint64_t *revision, struct mg_err *err)
{
	check_name(name);
	const uint64_t deadline_ms = clock_mono_ms() + timeout_ms;
	for (;;) {
		uint64_t now = 0;
		const enum mg_code rc = meta_file_get(&m->file, name, NULL, &now, err);
		if (rc != MG_OK && rc != MG_NOT_FOUND) return rc;
		if (now != seen) {
			*revision = now;
			return MG_OK;
		}
		const uint64_t at_ms = clock_mono_ms();
		if (at_ms >= deadline_ms)
			return err_set(err, MG_TIMEOUT, MG_CAUSE_NONE,
				       "meta: %s did not change within %u ms", name, timeout_ms);
		const uint64_t left_ms = deadline_ms - at_ms;
		const long wait_ms = left_ms < POLL_MS ? (long)left_ms : POLL_MS;
		nanosleep(&(struct timespec){ .tv_nsec = wait_ms * 1000000 }, NULL);
	}
}
