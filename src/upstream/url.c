/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/url.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/check.h"

#define URL_MAX_BYTES (16u << 10)

static char *copy(const char *s)
{
	return check_strndup(s, strlen(s));
}

static char *lower(const char *s)
{
	char *l = copy(s);
	for (char *p = l; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
	return l;
}

/* One part of the URL, malloc'd by us; NULL when it has none. */
static char *part(CURLU *h, CURLUPart which, unsigned flags)
{
	char *from_curl = NULL;
	if (curl_url_get(h, which, &from_curl, flags) != CURLUE_OK) return NULL;
	char *mine = copy(from_curl);
	curl_free(from_curl);
	return mine;
}

static char *printed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *printed(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) abort();
	return s;
}

static char *take_userinfo(CURLU *h)
{
	char *user = part(h, CURLUPART_USER, CURLU_URLDECODE);
	char *password = part(h, CURLUPART_PASSWORD, CURLU_URLDECODE);
	char *both = NULL;
	if (user != NULL || password != NULL)
		both = printed("%s:%s", user ? user : "", password ? password : "");
	free(user);
	free(password);
	return both;
}

static enum mg_code take_parts(CURLU *h, struct url *out, struct mg_err *err)
{
	struct url u = { .scheme = part(h, CURLUPART_SCHEME, 0), .userinfo = take_userinfo(h) };
	curl_url_set(h, CURLUPART_USER, NULL, 0);
	curl_url_set(h, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
	u.text = part(h, CURLUPART_URL, 0);
	char *host = part(h, CURLUPART_HOST, 0);
	char *port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	uint64_t number = 0;
	bool ok = u.text != NULL && host != NULL && port != NULL &&
		  span_u64(span_of(port), 65535, &number) && number != 0 &&
		  (strcmp(u.scheme, "http") == 0 || strcmp(u.scheme, "https") == 0);
	if (ok) {
		u.host = lower(host);
		u.port = (uint16_t)number;
		u.origin = printed("%s://%s:%u", u.scheme, u.host, u.port);
		bool usual = u.port == (strcmp(u.scheme, "https") == 0 ? 443 : 80);
		u.label = usual ? copy(u.host) : printed("%s:%u", u.host, u.port);
	}
	free(host);
	free(port);
	if (!ok) {
		url_deinit(&u);
		return err_set(err, MG_INVALID, MG_CAUSE_NONE, "not an http or https URL");
	}
	*out = u;
	return MG_OK;
}

static enum mg_code parse(const struct url *base, struct mg_span text, unsigned flags,
			  struct url *out, struct mg_err *err)
{
	if (text.n == 0 || text.n > URL_MAX_BYTES || memchr(text.p, '\0', text.n) != NULL)
		return err_set(err, MG_INVALID, MG_CAUSE_NONE,
			       "a URL that is empty, over %u bytes or has a NUL", URL_MAX_BYTES);
	CURLU *h = curl_url();
	if (h == NULL) abort();
	char *z = check_strndup(text.p, text.n);
	enum mg_code rc = MG_OK;
	CURLUcode bad = CURLUE_OK;
	if (base != NULL) bad = curl_url_set(h, CURLUPART_URL, base->text, 0);
	if (bad == CURLUE_OK) bad = curl_url_set(h, CURLUPART_URL, z, flags);
	if (bad == CURLUE_OK)
		rc = take_parts(h, out, err);
	else
		rc = err_set(err, MG_INVALID, MG_CAUSE_NONE, "not a URL: %s",
			     curl_url_strerror(bad));
	free(z);
	curl_url_cleanup(h);
	return rc;
}

enum mg_code url_parse(struct mg_span text, struct url *out, struct mg_err *err)
{
	return parse(NULL, text, 0, out, err);
}

enum mg_code url_resolve(const struct url *base, struct mg_span location, struct url *out,
			 struct mg_err *err)
{
	/* Raw spaces in a Location are common enough that every client encodes them. */
	enum mg_code rc = parse(base, location, CURLU_URLENCODE, out, err);
	if (rc != MG_OK) return rc;
	free(out->userinfo);
	out->userinfo = NULL;
	return MG_OK;
}

void url_deinit(struct url *u)
{
	free(u->text);
	free(u->scheme);
	free(u->host);
	free(u->origin);
	free(u->label);
	free(u->userinfo);
	*u = (struct url){ 0 };
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return strcmp(a->origin, b->origin) == 0;
}
