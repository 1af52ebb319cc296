/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/negative.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "crypto/sha256.h"
#include "meta/meta_file.h"

/* The file never leaves the host that wrote it, so numbers are in its own byte order. A record holds the
 * key's hash in place of the key, and is whole only if its own hash is right. */
struct record {
	uint8_t sum[16]; /* of all that follows */
	uint8_t key[SHA256_SIZE];
	int64_t wall_s;
	uint8_t code, cause;
	uint8_t unused[6];
	char text[400]; /* longer ones are cut */
	uint8_t pad[48];
};
_Static_assert(sizeof(struct record) == 512, "a record is a disk sector");

struct negative {
	struct meta_file file;
	int fd;
};

enum mg_code negative_open(const char *root, struct negative **out, struct mg_err *err)
{
	struct negative *n = check_calloc(1, sizeof *n);
	enum mg_code rc = meta_file_open(root, &n->file, err);
	if (rc != MG_OK) {
		free(n);
		return rc;
	}
	n->fd = io_open_or_create(&n->file.io, n->file.folder, ".negative");
	if (n->fd < 0) {
		rc = err_errno(err, -n->fd, "meta: cannot open the remembered absences");
		meta_file_close(&n->file);
		free(n);
		return rc;
	}
	*out = n;
	return MG_OK;
}

void negative_close(struct negative **n)
{
	if (*n == NULL) return;
	close((*n)->fd);
	meta_file_close(&(*n)->file);
	free(*n);
	*n = NULL;
}

static off_t place_of(const struct record *r)
{
	return (off_t)(r->key[0] << 8 | r->key[1]) * (off_t)sizeof *r;
}

static void sum_of(const struct record *r, uint8_t sum[sizeof r->sum])
{
	uint8_t whole[SHA256_SIZE];
	const char *rest = (const char *)r + sizeof r->sum;
	sha256_of(span_make(rest, sizeof *r - sizeof r->sum), whole);
	memcpy(sum, whole, sizeof r->sum);
}

static void write_record(struct negative *n, const struct record *r)
{
	const int rc = io_write(&n->file.io, n->fd, span_make(r, sizeof *r), place_of(r));
	if (rc != 0) log_warn("meta: an absence could not be remembered", LOG_I("errno", -rc));
}

void negative_put(struct negative *n, struct mg_span key, const struct mg_err *answer,
		  int64_t wall_s)
{
	struct record r = { .wall_s = wall_s,
			    .code = (uint8_t)answer->code,
			    .cause = (uint8_t)answer->cause };
	sha256_of(key, r.key);
	memcpy(r.text, answer->text, sizeof r.text - 1);
	sum_of(&r, r.sum);
	write_record(n, &r);
}

static bool read_record(struct negative *n, struct mg_span key, struct record *r)
{
	uint8_t sum[sizeof r->sum], hash[SHA256_SIZE];
	sha256_of(key, hash);
	memcpy(r->key, hash, sizeof hash);
	const ssize_t got = pread(n->fd, r, sizeof *r, place_of(r));
	if (got != (ssize_t)sizeof *r || memcmp(r->key, hash, sizeof hash) != 0) return false;
	sum_of(r, sum);
	return memcmp(r->sum, sum, sizeof sum) == 0 && r->code < MG_CODE_COUNT &&
	       r->code != MG_OK && r->cause < MG_CAUSE_COUNT;
}

bool negative_get(struct negative *n, struct mg_span key, struct mg_err *answer, int64_t *wall_s)
{
	struct record r;
	if (!read_record(n, key, &r)) return false;
	r.text[sizeof r.text - 1] = '\0';
	err_set(answer, (enum mg_code)r.code, (enum mg_cause)r.cause, "%s", r.text);
	*wall_s = r.wall_s;
	return true;
}

void negative_forget(struct negative *n, struct mg_span key)
{
	struct record r;
	if (!read_record(n, key, &r)) return;
	memset(r.sum, 0, sizeof r.sum);
	write_record(n, &r);
}
