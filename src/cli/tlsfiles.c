/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tlsfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/secretfile.h"
#include "crypto/wipe.h"
#include "fetch/stapler.h"
#include "tls/ocspquery.h"
#include "tls/tlsserver.h"

#define FILE_MAX (1u << 20)
#define DAY_S    86400
/* Renewal is mostly due when a third of 90 days is left: who comes to this has forgotten it. */
#define SOON_DAYS 14

/* What was read, to be wiped. */
struct texts {
	struct mg_buf bufs[3 * BUNDLE_PAIRS_MAX + 1];
	size_t n;
};

enum file {
	FILE_PUBLIC,
	FILE_SECRET,
	FILE_FETCHED, /* written by a process that may be a stranger's by now: it leads nowhere else */
};

static enum mg_code read_file(struct texts *t, const char *path, enum file what,
			      struct mg_span *out, struct mg_err *err)
{
	struct mg_buf *b = &t->bufs[t->n++];
	int fd = open(path,
		      O_RDONLY | O_CLOEXEC | O_NONBLOCK | (what == FILE_FETCHED ? O_NOFOLLOW : 0));
	enum mg_code rc = MG_OK;
	struct stat st;
	ssize_t n = 0;

	*b = BUF_MAX(FILE_MAX + 1);
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_TLS, "%s: %s%s", path, strerror(errno),
			     errno == EACCES ? ": the user that modgate was started as must be "
					       "able to read it"
					     : "");
	else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		rc = err_set(err, MG_INVALID, MG_CAUSE_TLS, "%s: not a file, or larger than 1 MiB",
			     path);
	else if (what == FILE_SECRET)
		rc = secretfile_check_mode(path, st.st_mode, err);
	/* One block: growing would leave copies of a key behind. */
	char *room = rc == MG_OK ? buf_reserve(b, FILE_MAX + 1) : NULL;
	while (room != NULL && (n = read(fd, room + b->n, FILE_MAX + 1 - b->n)) > 0)
		b->n += (size_t)n;
	if (rc == MG_OK && (n < 0 || b->n > FILE_MAX))
		rc = err_set(err, MG_UNAVAILABLE, MG_CAUSE_TLS, "%s: cannot read it: %s", path,
			     n < 0 ? strerror(errno) : "it grows");
	if (fd >= 0) close(fd);
	*out = buf_span(b);
	return rc;
}

static bool is_fetched(const struct settings *s, size_t i)
{
	return i < s->tls_ocsp.n && strcmp(s->tls_ocsp.items[i], TLSFILES_FETCH) == 0;
}

/* Where fetch keeps the answer about a certificate. */
static void put_kept_path(const struct settings *s, size_t i, struct mg_buf *out)
{
	char key[STAPLER_KEY_SIZE];

	stapler_key(span_of(s->tls_cert.items[i]), key);
	buf_printf(out, "%s/%s", s->store, key);
}

static enum mg_code read_answer(const struct settings *s, size_t i, struct texts *t,
				struct mg_span *out, struct mg_err *err)
{
	struct mg_buf path = BUF_MAX(8192);
	enum mg_code rc = MG_OK;

	if (is_fetched(s, i)) {
		put_kept_path(s, i, &path);
		/* There may be none yet. */
		if (read_file(t, buf_cstr(&path), FILE_FETCHED, out, err) != MG_OK)
			*out = (struct mg_span){ 0 };
	} else if (i < s->tls_ocsp.n && strcmp(s->tls_ocsp.items[i], "-") != 0) {
		rc = read_file(t, s->tls_ocsp.items[i], FILE_PUBLIC, out, err);
	}
	buf_deinit(&path);
	return rc;
}

static enum mg_code read_all(const struct settings *s, struct texts *t, struct bundle *b,
			     struct mg_err *err)
{
	enum mg_code rc = MG_OK;

	*b = (struct bundle){ .n = s->tls_cert.n,
			      .client_cert_required = s->tls_client_cert_required };
	for (size_t i = 0; i < b->n && rc == MG_OK; i++) {
		struct bundle_pair *p = &b->pairs[i];
		p->name = span_of(s->tls_cert.items[i]);
		rc = read_file(t, s->tls_cert.items[i], FILE_PUBLIC, &p->cert, err);
		if (rc != MG_OK) return err_wrap(err, "tls.cert");
		p->key_name = span_of(s->tls_key.items[i]);
		rc = read_file(t, s->tls_key.items[i], FILE_SECRET, &p->key, err);
		if (rc != MG_OK) return err_wrap(err, "tls.key");
		rc = read_answer(s, i, t, &p->ocsp, err);
		if (rc != MG_OK) return err_wrap(err, "tls.ocsp");
	}
	b->client_ca_name = span_of(s->tls_client_ca);
	if (s->tls_client_ca[0] != '\0')
		rc = read_file(t, s->tls_client_ca, FILE_PUBLIC, &b->client_ca, err);
	return rc == MG_OK ? rc : err_wrap(err, "tls.client-ca");
}

/* ocsp: the item of the setting. */
static void tell_staple(const struct tlsserver_pair *p, const char *ocsp)
{
	if (p->staple_refused != NULL)
		log_warn("not stapled", LOG_S("file", ocsp), LOG_S("reason", p->staple_refused));
	if (p->must_staple && p->staple_until == 0 && strcmp(ocsp, TLSFILES_FETCH) != 0)
		log_error("no OCSP answer to staple, which the certificate demands: clients will "
			  "refuse it; see the setting tls.ocsp",
			  LOG_S("file", p->name));
}

static void tell_pair(const struct tlsserver_pair *p, const char *ocsp)
{
	const int64_t now = clock_wall_s();
	const int64_t days = (p->not_after - now) / DAY_S;
	char until[21];

	clock_rfc3339(p->not_after, until);
	log_info("certificate", LOG_S("file", p->name), LOG_S("names", p->names),
		 LOG_S("until", until),
		 LOG_S("stapled", strcmp(ocsp, TLSFILES_FETCH) == 0 ? TLSFILES_FETCH
				  : p->staple_until != 0            ? "yes"
								    : "no"));
	if (p->not_after <= now)
		log_warn("the certificate has expired: clients will refuse it; put a new one in "
			 "its place",
			 LOG_S("file", p->name), LOG_S("until", until));
	else if (days < SOON_DAYS)
		log_warn("the certificate expires soon", LOG_S("file", p->name),
			 LOG_S("until", until), LOG_I("days", days));
	if (p->not_before > now)
		log_warn("the certificate is not valid yet: is the clock right?",
			 LOG_S("file", p->name));
	if (p->names[0] == '\0')
		log_warn("the certificate names no DNS name: only clients that ask by address, or "
			 "for no other certificate's name, get it",
			 LOG_S("file", p->name));
	tell_staple(p, ocsp);
}

static enum mg_code check(const struct settings *s, const struct bundle *b, struct mg_err *err)
{
	struct bundle unfetched = *b;
	struct tlsserver *sv;
	struct tlsserver_pair pair;

	for (size_t i = 0; i < b->n; i++)
		if (is_fetched(s, i)) unfetched.pairs[i].ocsp = (struct mg_span){ 0 };
	enum mg_code rc = tlsserver_new(&unfetched, &(struct tlsserver_options){ 0 }, &sv, err);

	if (rc != MG_OK) return rc;
	for (size_t i = 0; i < tlsserver_pairs(sv); i++) {
		tlsserver_describe(sv, i, &pair);
		tell_pair(&pair, i < s->tls_ocsp.n ? s->tls_ocsp.items[i] : "-");
	}
	tlsserver_unref(&sv);
	return MG_OK;
}

static enum mg_code seal(const struct bundle *b, int *fd_out, struct mg_err *err)
{
	struct mg_buf bytes = BUF_MAX(BUNDLE_BYTES_MAX);
	enum mg_code rc = MG_OK;
	int fd = -1;

	/* One block, as above. */
	buf_reserve(&bytes, BUNDLE_BYTES_MAX);
	bundle_encode(b, &bytes);
	if (buf_failed(&bytes)) {
		rc = err_set(err, MG_INVALID, MG_CAUSE_TLS, "the files are too large together");
	} else {
		fd = memfd_create("certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n ||
		    fcntl(fd, F_ADD_SEALS,
			  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
			rc = err_errno(err, errno, "cannot hand the certificates over");
	}
	if (rc != MG_OK && fd >= 0) close(fd);
	if (rc == MG_OK) *fd_out = fd;
	if (bytes.n > 0) wipe_bytes(bytes.p, bytes.n);
	buf_deinit(&bytes);
	return rc;
}

/* *fd: stays -1 when there is nothing to ask. */
static enum mg_code seal_asked(const struct settings *s, const struct bundle *b, int *fd,
			       struct mg_err *err)
{
	struct bundle asked = { .n = 0 };
	struct ocspquery *query;

	for (size_t i = 0; i < b->n; i++) {
		if (!is_fetched(s, i)) continue;
		if (ocspquery_new(b->pairs[i].cert, &query, err) != MG_OK) {
			log_warn("not stapled", LOG_SP("file", b->pairs[i].name),
				 LOG_S("reason", err->text));
			continue;
		}
		ocspquery_free(&query);
		asked.pairs[asked.n++] =
			(struct bundle_pair){ .name = b->pairs[i].name, .cert = b->pairs[i].cert };
	}
	return asked.n > 0 ? seal(&asked, fd, err) : MG_OK;
}

enum mg_code tlsfiles_load(const struct settings *s, struct tlsfiles *out, struct mg_err *err)
{
	struct texts t = { .n = 0 };
	struct bundle b;
	enum mg_code rc = read_all(s, &t, &b, err);

	if (rc == MG_OK) rc = check(s, &b, err);
	*out = TLSFILES_NONE;
	if (rc == MG_OK) rc = seal(&b, &out->bundle_fd, err);
	if (rc == MG_OK) rc = seal_asked(s, &b, &out->asked_fd, err);
	if (rc != MG_OK) tlsfiles_close(out);
	for (size_t i = 0; i < t.n; i++) {
		if (t.bufs[i].n > 0) wipe_bytes(t.bufs[i].p, t.bufs[i].n);
		buf_deinit(&t.bufs[i]);
	}
	return rc;
}

enum mg_code tlsfiles_copy(const struct tlsfiles *from, struct tlsfiles *out, struct mg_err *err)
{
	*out = TLSFILES_NONE;
	out->bundle_fd = fcntl(from->bundle_fd, F_DUPFD_CLOEXEC, 3);
	if (from->asked_fd >= 0) out->asked_fd = fcntl(from->asked_fd, F_DUPFD_CLOEXEC, 3);
	if (out->bundle_fd >= 0 && (out->asked_fd >= 0 || from->asked_fd < 0)) return MG_OK;
	err_errno(err, errno, "cannot keep the certificates");
	tlsfiles_close(out);
	return err->code;
}

void tlsfiles_close(struct tlsfiles *t)
{
	if (t->bundle_fd >= 0) close(t->bundle_fd);
	if (t->asked_fd >= 0) close(t->asked_fd);
	*t = TLSFILES_NONE;
}

static uint64_t stamp_file(uint64_t sum, const char *path)
{
	struct stat st = { 0 };
	uint64_t facts[7] = { sum };

	if (stat(path, &st) == 0) {
		facts[1] = st.st_dev;
		facts[2] = st.st_ino;
		facts[3] = (uint64_t)st.st_size;
		facts[4] = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
		facts[5] = (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec;
		facts[6] = st.st_mode;
	}
	return span_hash(span_make(facts, sizeof facts));
}

uint64_t tlsfiles_stamp(const struct settings *s)
{
	const struct settings_list *const lists[] = { &s->tls_cert, &s->tls_key, &s->tls_ocsp };
	struct mg_buf path = BUF_MAX(8192);
	uint64_t sum = 0;

	for (size_t i = 0; i < s->tls_cert.n; i++) {
		if (!is_fetched(s, i)) continue;
		buf_clear(&path);
		put_kept_path(s, i, &path);
		sum = stamp_file(sum, buf_cstr(&path));
	}
	buf_deinit(&path);
	for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			sum = stamp_file(sum, lists[k]->items[i]);
	return stamp_file(sum, s->tls_client_ca);
}
