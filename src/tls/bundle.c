/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/bundle.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* bundle = pairs(1) client-cert-required(1) field{5 a pair} field{2: client-ca}; field = length(4, little endian) bytes */

static void put_field(struct mg_buf *out, struct mg_span s)
{
	const uint32_t n = (uint32_t)s.n;
	const char length[] = { (char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24) };

	buf_append(out, span_make(length, sizeof length));
	buf_append(out, s);
}

void bundle_encode(const struct bundle *b, struct mg_buf *out)
{
	buf_append_char(out, (char)b->n);
	buf_append_char(out, (char)b->client_cert_required);
	for (size_t i = 0; i < b->n; i++) {
		put_field(out, b->pairs[i].name);
		put_field(out, b->pairs[i].cert);
		put_field(out, b->pairs[i].key_name);
		put_field(out, b->pairs[i].key);
		put_field(out, b->pairs[i].ocsp);
	}
	put_field(out, b->client_ca_name);
	put_field(out, b->client_ca);
}

/* At offsets of our own: the position is shared with other processes. */
enum mg_code bundle_read(int fd, struct mg_buf *out, struct mg_err *err)
{
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st) != 0)
		return err_errno(err, errno, "cannot read the certificates from the supervisor");
	char *room = buf_reserve(out, (size_t)st.st_size);
	while (room != NULL && out->n < (size_t)st.st_size &&
	       (n = pread(fd, room + out->n, (size_t)st.st_size - out->n, (off_t)out->n)) > 0)
		out->n += (size_t)n;
	if (room == NULL || n <= 0)
		return err_set(err, MG_INTERNAL, MG_CAUSE_TLS,
			       "cannot read the certificates from the supervisor");
	return MG_OK;
}

static bool take_field(struct mg_span *rest, struct mg_span *out)
{
	const unsigned char *p = (const unsigned char *)rest->p;

	if (rest->n < 4) return false;
	size_t n = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (n > rest->n - 4) return false;
	*out = span_make(rest->p + 4, n);
	*rest = span_from(*rest, 4 + n);
	return true;
}

enum mg_code bundle_decode(struct mg_span bytes, struct bundle *out, struct mg_err *err)
{
	struct mg_span rest = span_from(bytes, 2);
	bool ok = bytes.n >= 2 && bytes.p[0] >= 1 && bytes.p[0] <= BUNDLE_PAIRS_MAX &&
		  (bytes.p[1] == 0 || bytes.p[1] == 1);

	*out = (struct bundle){ .n = ok ? (size_t)bytes.p[0] : 0 };
	out->client_cert_required = ok && bytes.p[1] == 1;
	for (size_t i = 0; i < out->n && ok; i++) {
		struct bundle_pair *p = &out->pairs[i];
		ok = take_field(&rest, &p->name) && take_field(&rest, &p->cert) &&
		     take_field(&rest, &p->key_name) && take_field(&rest, &p->key) &&
		     take_field(&rest, &p->ocsp);
	}
	ok = ok && take_field(&rest, &out->client_ca_name) && take_field(&rest, &out->client_ca) &&
	     rest.n == 0;
	return ok ? MG_OK : err_set(err, MG_INVALID, MG_CAUSE_TLS, "not a bundle of certificates");
}
