/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tlssettings.h"

#include "http/listener.h"
#include "tls/bundle.h"

static size_t count_tls(const struct settings_list *listen)
{
	size_t n = 0;

	for (size_t i = 0; i < listen->n; i++) {
		enum listener_kind kind;
		listener_strip_scheme(span_of(listen->items[i]), &kind);
		n += kind == LISTENER_TLS;
	}
	return n;
}

static void listen_with_tls(struct draft *d)
{
	const struct settings_list *listen = &d->settings.listen;
	struct mg_buf text = BUF_MAX(4096);

	for (size_t i = 0; i < listen->n; i++)
		buf_printf(&text, "%shttps://%s", i > 0 ? "," : "", listen->items[i]);
	draft_set(d, settings_find(SPAN("listen")), buf_span(&text), DRAFT_DEFAULT);
	buf_deinit(&text);
}

static void check_counts(struct draft *d)
{
	const struct settings *s = &d->settings;

	if (s->tls_cert.n > BUNDLE_PAIRS_MAX)
		draft_note(d, LOG_LEVEL_ERROR, "%s: tls.cert: more than %d certificates",
			   draft_from(d, "tls.cert"), BUNDLE_PAIRS_MAX);
	/* One without the other is told as half a pair already. */
	if (s->tls_cert.n > 0 && s->tls_key.n > 0 && s->tls_cert.n != s->tls_key.n)
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: tls.key: %zu keys for %zu certificates: each needs its own, in the "
			   "same order",
			   draft_from(d, "tls.key"), s->tls_key.n, s->tls_cert.n);
	if (s->tls_cert.n > 0 && s->tls_ocsp.n > 0 && s->tls_cert.n != s->tls_ocsp.n)
		draft_note(
			d, LOG_LEVEL_ERROR,
			"%s: tls.ocsp: %zu files for %zu certificates: one for each, in the same "
			"order, - where there is none, fetch to ask for it",
			draft_from(d, "tls.ocsp"), s->tls_ocsp.n, s->tls_cert.n);
}

void tlssettings_check(struct draft *d)
{
	const struct settings *s = &d->settings;

	check_counts(d);
	if (s->tls_client_cert_required && s->tls_client_ca[0] == '\0')
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: tls.client-cert-required needs tls.client-ca: whose certificates?",
			   draft_from(d, "tls.client-cert-required"));
	if (s->tls_cert.n > 0 && !draft_is_set(d, "listen")) listen_with_tls(d);
	size_t tls = count_tls(&s->listen);
	if (tls > 0 && s->tls_cert.n == 0)
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: listen: https:// needs a certificate: set tls.cert and tls.key",
			   draft_from(d, "listen"));
	if (tls == 0 && s->tls_cert.n > 0)
		draft_note(d, LOG_LEVEL_ERROR,
			   "%s: tls.cert is set, but no address in listen begins with https://",
			   draft_from(d, "tls.cert"));
}
