/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/settings.h"

#include "base/check.h"
#include "base/log.h"
#include "cli/nearest.h"
#include "cli/quantity.h"
#include "fetch/fetch.h"

#define AT(field) offsetof(struct settings, field)
#define HOUR      3600000ull
#define DAY       (24 * HOUR)

static const char *const level_words[] = {
	[LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info",    [LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_ERROR + 1] = NULL,
};
static const char *const format_words[] = {
	[LOG_FORMAT_LOGFMT] = "logfmt",
	[LOG_FORMAT_JSON] = "json",
	[LOG_FORMAT_JSON + 1] = NULL,
};

static const char *const sumdb_words[] = {
	[FETCH_SUMDB_REQUIRED] = "required",
	[FETCH_SUMDB_WHEN_REACHABLE] = "when-reachable",
	[FETCH_SUMDB_OFF] = "off",
	[FETCH_SUMDB_OFF + 1] = NULL,
};

static const char *const forwarded_words[] = {
	[SETTINGS_X_FORWARDED_FOR] = "x-forwarded-for",
	[SETTINGS_FORWARDED] = "forwarded",
	[SETTINGS_FORWARDED + 1] = NULL,
};

static const struct settings_def defs[] = {
	{ "listen", SETTINGS_LIST, AT(listen), NULL,
	  "addresses to serve on: ADDR:PORT, :PORT for every address, unix:/PATH; with TLS "
	  "https://ADDR:PORT, for HTTP/2 without TLS h2c://ADDR:PORT (repeatable); systemd, or "
	  "systemd:NAME, for sockets that it opened" },
	{ "listen-mode", SETTINGS_STRING, AT(listen_mode), "0660",
	  "who may connect to unix:/PATH, as chmod has it" },
	{ "store", SETTINGS_PATH, AT(store), NULL, "directory that keeps the modules" },
	{ "user", SETTINGS_STRING, AT(user), "", "user to become when started as root" },
	{ "group", SETTINGS_STRING, AT(group), "", "group to become, instead of the user's own",
	  .needs = "user" },
	{ "sandbox", SETTINGS_BOOL, AT(sandbox), "true",
	  "confine the processes with Landlock and seccomp where the kernel has them" },
	{ "workers", SETTINGS_INT, AT(workers), "0", "serving threads; 0 is one a core",
	  .max = 32 },
	{ "drain.delay", SETTINGS_DURATION, AT(drain_delay), "0s",
	  "how long after SIGTERM connections are still accepted while /readyz says 503",
	  .max = HOUR },
	{ "drain-timeout", SETTINGS_DURATION, AT(drain_timeout), "30s",
	  "how long answers under way may take after SIGTERM", .max = HOUR },
	{ "max-connections", SETTINGS_INT, AT(max_connections), "16384",
	  "client connections at a time; beyond it idle ones make room", .min = 1, .max = 1000000 },
	{ "hot-cache", SETTINGS_SIZE, AT(hot_cache), "32MiB", "memory for ready-made answers",
	  .max = 1ull << 40 },

	{ "path-prefix", SETTINGS_STRING, AT(path_prefix), "",
	  "what stands before GOPROXY paths, such as /go" },
	{ "go-proxy-header", SETTINGS_STRING, AT(go_proxy_header), "modgate/" MODGATE_VERSION,
	  "value of the X-Go-Proxy field in answers" },
	{ "via", SETTINGS_STRING, AT(via), "",
	  "our name in Via fields, unlike any other's (one is made up); in a request it means a "
	  "loop" },
	{ "go-get", SETTINGS_BOOL, AT(go_get), "false",
	  "pass PATH?go-get=1 through to the upstreams" },
	{ "go-import", SETTINGS_LIST, AT(go_import), "",
	  "answer ?go-get=1 for import paths of hosts that lead here: \"PATTERN KIND URL "
	  "[SUBDIR]\", KIND git or mod; each * of PATTERN stands for an element and fills one of "
	  "the others (repeatable)" },
	{ "offline", SETTINGS_BOOL, AT(offline), "false", "serve what is stored, ask no upstream" },
	{ "list.fresh", SETTINGS_DURATION, AT(list_fresh), "60s",
	  "how long a list, @latest or branch counts as fresh", .max = 30 * DAY },
	{ "list.stale", SETTINGS_DURATION, AT(list_stale), "4m",
	  "how much longer it is served while one refresh runs", .max = 30 * DAY },

	{ "prefetch", SETTINGS_BOOL, AT(prefetch), "true",
	  "get what the go command will ask for next before it asks; never a zip" },
	{ "fetch.timeout", SETTINGS_DURATION, AT(fetch_timeout), "10m",
	  "the longest a request waits for something that is not stored", .min = 1000, .max = DAY },
	{ "fetch.threads", SETTINGS_INT, AT(fetch_threads), "64", "misses at work at a time",
	  .min = 1, .max = 1024 },
	{ "fetch.absent", SETTINGS_DURATION, AT(fetch_absent), "30s",
	  "how long \"not found\" is repeated without asking again", .max = DAY },
	{ "fetch.denied", SETTINGS_DURATION, AT(fetch_denied), "10s",
	  "the same for what an upstream withholds", .max = DAY },
	{ "fetch.down", SETTINGS_DURATION, AT(fetch_down), "10s",
	  "how long a stale answer is repeated when no upstream could be asked", .max = DAY },
	{ "stream.above", SETTINGS_SIZE, AT(stream_above), "16MiB",
	  "larger zips are sent while they are still coming, but for their end, which waits for "
	  "the proof; 0 is none",
	  .max = 1ull << 40 },

	{ "goproxy", SETTINGS_STRING, AT(goproxy), "", "upstreams, as the go command's GOPROXY",
	  .secret = true, .go_name = "GOPROXY" },
	{ "goprivate", SETTINGS_STRING, AT(goprivate), "",
	  "private modules, as the go command's GOPRIVATE", .go_name = "GOPRIVATE" },
	{ "gonoproxy", SETTINGS_STRING, AT(gonoproxy), "",
	  "modules never asked of an upstream proxy", .go_name = "GONOPROXY" },
	{ "gonosumdb", SETTINGS_STRING, AT(gonosumdb), "",
	  "modules the checksum database never hears of", .go_name = "GONOSUMDB" },
	{ "gosumdb", SETTINGS_STRING, AT(gosumdb), "",
	  "the checksum database, as the go command's GOSUMDB", .go_name = "GOSUMDB" },
	{ "govcs", SETTINGS_STRING, AT(govcs), "",
	  "which modules may come from which version control, as the go command's GOVCS",
	  .go_name = "GOVCS" },
	{ "goinsecure", SETTINGS_STRING, AT(goinsecure), "",
	  "modules whose hosts may be asked without TLS, as the go command's GOINSECURE",
	  .go_name = "GOINSECURE" },
	{ "sumdb-also", SETTINGS_LIST, AT(sumdb_also), "",
	  "further checksum databases to answer for at /sumdb/NAME/, each as a GOSUMDB with its "
	  "key (repeatable)" },
	{ "sumdb", SETTINGS_ENUM, AT(sumdb), "required",
	  "what cannot be proven by it: required refuses it, when-reachable takes it while the "
	  "database is down, off asks nothing of it",
	  .words = sumdb_words },

	{ "vcs.map", SETTINGS_LIST, AT(vcs_map), "",
	  "repositories without a go-import page, \"PATTERN URL\": each * of PATTERN stands for a "
	  "path element and fills one of URL (repeatable)" },
	{ "vcs.rewrite", SETTINGS_LIST, AT(vcs_rewrite), "",
	  "\"PREFIX NEWPREFIX\": how URLs of repositories begin that are found and used "
	  "(repeatable)" },
	{ "vcs.credentials", SETTINGS_PATH, AT(vcs_credentials), "",
	  "file that says per host with which secret files repositories are asked: lines such as "
	  "https://git.corp.example token FILE; nobody else may read it" },
	{ "vcs.netrc", SETTINGS_PATH, AT(vcs_netrc), "",
	  "a netrc file with further credentials; nobody else may read it", .go_name = "NETRC" },
	{ "vcs.known-hosts", SETTINGS_PATH, AT(vcs_known_hosts), "",
	  "the keys of ssh servers, as ssh's known_hosts; others are refused" },
	{ "vcs.networks", SETTINGS_LIST, AT(vcs_networks), "",
	  "networks (10.0.0.0/8) that hosts of public modules may have addresses in; those of "
	  "private modules may be anywhere but on this machine and its link (repeatable)" },
	{ "vcs.keep", SETTINGS_SIZE, AT(vcs_keep), "16GiB",
	  "room for mirrors of repositories; beyond it those that were not used longest go",
	  .min = 1, .max = 1ull << 50 },
	{ "vcs.keep-for", SETTINGS_DURATION, AT(vcs_keep_for), "30d",
	  "how long a mirror stays that is not used", .min = 1000, .max = 3650 * DAY },
	{ "vcs.timeout", SETTINGS_DURATION, AT(vcs_timeout), "5m",
	  "the longest that one git command may take", .min = 1000, .max = DAY },
	{ "vcs.per-host", SETTINGS_INT, AT(vcs_per_host), "4",
	  "git commands that talk to one host at a time", .min = 1, .max = 1024 },
	{ "hooks.github", SETTINGS_PATH, AT(hooks_github), "",
	  "file with the secret of webhooks at /hooks/github; nobody else may read it" },
	{ "hooks.gitlab", SETTINGS_PATH, AT(hooks_gitlab), "", "the same at /hooks/gitlab" },
	{ "hooks.gitea", SETTINGS_PATH, AT(hooks_gitea), "", "the same at /hooks/gitea" },

	{ "scrub.every", SETTINGS_DURATION, AT(scrub_every), "7d",
	  "how long after the whole store was looked at for damage this begins anew; 0 is never",
	  .max = 3650 * DAY },

	{ "upstream.connect-timeout", SETTINGS_DURATION, AT(upstream_connect_timeout), "10s",
	  "DNS, TCP and TLS together", .min = 1, .max = HOUR },
	{ "upstream.first-byte-timeout", SETTINGS_DURATION, AT(upstream_first_byte_timeout), "30s",
	  "from a request to the first byte of its answer", .min = 1, .max = HOUR },
	{ "upstream.stall-timeout", SETTINGS_DURATION, AT(upstream_stall_timeout), "30s",
	  "how long a transfer may stay below 1 KiB/s", .min = 1000, .max = HOUR },
	{ "upstream.retries", SETTINGS_INT, AT(upstream_retries), "2",
	  "further tries after a broken transfer or 502, 503, 504", .max = 10 },
	{ "upstream.redirects", SETTINGS_INT, AT(upstream_redirects), "10", "hops followed",
	  .max = 20 },
	{ "upstream.per-host", SETTINGS_INT, AT(upstream_per_host), "32",
	  "transfers from one host at a time", .min = 1, .max = 1024 },
	{ "upstream.queue-timeout", SETTINGS_DURATION, AT(upstream_queue_timeout), "30s",
	  "how long to wait for one of them", .min = 1, .max = HOUR },
	{ "upstream.breaker-failures", SETTINGS_INT, AT(upstream_breaker_failures), "5",
	  "faults in a row after which a host is left alone", .min = 1, .max = 1000 },
	{ "upstream.breaker-open", SETTINGS_DURATION, AT(upstream_breaker_open), "10s",
	  "how long it is left alone", .min = 1, .max = HOUR },
	{ "upstream.ca-file", SETTINGS_PATH, AT(upstream_ca_file), "",
	  "PEM file of further authorities to trust" },

	{ "proxy-protocol.from", SETTINGS_LIST, AT(proxy_protocol_from), "",
	  "networks (10.0.0.0/8, unix) of load balancers, each connection of which must begin with "
	  "a PROXY header" },
	{ "forwarded.from", SETTINGS_LIST, AT(forwarded_from), "",
	  "networks of proxies whose word on whom a request came from is taken" },
	{ "forwarded.field", SETTINGS_ENUM, AT(forwarded_field), "x-forwarded-for",
	  "x-forwarded-for or forwarded: the field in which they give it, and no client can",
	  .words = forwarded_words },

	{ "limits.connections-per-address", SETTINGS_INT, AT(limits_connections_per_address), "0",
	  "connections from one address (IPv6: /64) at a time, beyond it 429; 0 is seven eighths "
	  "of max-connections",
	  .max = 1000000 },
	{ "limits.requests-per-address", SETTINGS_INT, AT(limits_requests_per_address), "0",
	  "requests a second from one address, beyond it 429; 0 is any number", .max = 1000000 },
	{ "limits.burst-per-address", SETTINGS_INT, AT(limits_burst_per_address), "1000",
	  "requests from one address at once, after a quiet time", .min = 1, .max = 1000000 },
	{ "limits.header-timeout", SETTINGS_DURATION, AT(limits_header_timeout), "10s",
	  "from the first byte of a request's head to its end", .min = 1, .max = HOUR },
	{ "limits.idle-timeout", SETTINGS_DURATION, AT(limits_idle_timeout), "90s",
	  "how long a connection is kept without a request", .min = 1, .max = DAY },
	{ "limits.stall-timeout", SETTINGS_DURATION, AT(limits_stall_timeout), "30s",
	  "how long a client may take an answer more slowly than limits.min-rate", .min = 1,
	  .max = HOUR },
	{ "limits.min-rate", SETTINGS_SIZE, AT(limits_min_rate), "1KiB",
	  "bytes a second that a client must take, on the average of limits.stall-timeout",
	  .max = 1ull << 30 },

	{ "limits.handshakes", SETTINGS_INT, AT(limits_handshakes), "64",
	  "TLS handshakes under way at a time on each worker, each 45 KiB; beyond it new ones "
	  "wait, and those that are slow make room",
	  .min = 1, .max = 65536 },

	{ "metrics.enabled", SETTINGS_BOOL, AT(metrics_enabled), "true",
	  "answer /metrics, in the form that Prometheus reads" },
	{ "metrics.listen", SETTINGS_STRING, AT(metrics_listen), "",
	  "an address of its own for it, ADDR:PORT; it is answered nowhere else then" },
	{ "metrics.athens", SETTINGS_BOOL, AT(metrics_athens), "false",
	  "with the names that Athens has for some of it as well" },
	{ "tls.cert", SETTINGS_PATHS, AT(tls_cert), "",
	  "PEM files of certificates, each with its issuers behind it; clients choose by name, the "
	  "first serves the rest (repeatable)",
	  .needs = "tls.key" },
	{ "tls.key", SETTINGS_PATHS, AT(tls_key), "",
	  "PEM files of their keys, in the same order; nobody else may read them",
	  .needs = "tls.cert" },
	{ "tls.ocsp", SETTINGS_PATHS, AT(tls_ocsp), "",
	  "DER files of OCSP answers to staple, in the same order; - for none, fetch to ask the "
	  "certificate's authority",
	  .needs = "tls.cert" },
	{ "tls.client-ca", SETTINGS_PATH, AT(tls_client_ca), "",
	  "PEM file of the authorities whose client certificates count", .needs = "tls.cert" },
	{ "tls.client-cert-required", SETTINGS_BOOL, AT(tls_client_cert_required), "false",
	  "serve nobody over TLS who shows no such certificate" },
	{ "tls.ticket-rotate", SETTINGS_DURATION, AT(tls_ticket_rotate), "12h",
	  "how often the key changes that lets clients resume; the one before it counts as long "
	  "again",
	  .min = 1000, .max = 7 * DAY },

	{ "log.level", SETTINGS_ENUM, AT(log_level), "info", "debug, info, warn or error",
	  .words = level_words },
	{ "log.format", SETTINGS_ENUM, AT(log_format), "logfmt", "logfmt or json",
	  .words = format_words },
};
#define COUNT (sizeof defs / sizeof defs[0])
_Static_assert(COUNT <= SETTINGS_MAX, "SETTINGS_MAX");

size_t settings_count(void)
{
	return COUNT;
}

const struct settings_def *settings_def(size_t i)
{
	MG_ASSERT(i < COUNT);
	return &defs[i];
}

size_t settings_index(const struct settings_def *def)
{
	return (size_t)(def - defs);
}

const struct settings_def *settings_find(struct mg_span name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (span_eq(name, span_of(defs[i].name))) return &defs[i];
	return NULL;
}

/* "level" out of "log.level": a right key at a wrong place is the commonest mistake in YAML. */
static struct mg_span last_part(struct mg_span name)
{
	ptrdiff_t dot = span_last_index(name, '.');
	return dot < 0 ? name : span_from(name, (size_t)dot + 1);
}

const struct settings_def *settings_nearest(struct mg_span name)
{
	const struct settings_def *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < COUNT; i++) {
		struct mg_span known = span_of(defs[i].name);
		size_t d = nearest_distance(name, known);
		if (!nearest_plausible(name, known, d)) d = SIZE_MAX;
		if (span_eq(last_part(name), last_part(known)) && d > 2) d = 2;
		if (d < best_distance) {
			best = &defs[i];
			best_distance = d;
		}
	}
	return best;
}

static void put_mapped(const char *prefix, const char *name, bool upper, struct mg_buf *out)
{
	buf_append_str(out, prefix);
	for (; *name != '\0'; name++) {
		char c = *name;
		if (c == '.' || c == '-') c = upper ? '_' : '-';
		if (upper && c >= 'a' && c <= 'z') c = (char)(c - ('a' - 'A'));
		buf_append_char(out, c);
	}
}

void settings_env_name(const struct settings_def *def, struct mg_buf *out)
{
	put_mapped("MODGATE_", def->name, true, out);
}

void settings_flag_name(const struct settings_def *def, struct mg_buf *out)
{
	put_mapped("--", def->name, false, out);
}

const struct settings_def *settings_find_flag(struct mg_span flag)
{
	struct mg_buf name = BUF_MAX(128);
	const struct settings_def *found = NULL;

	for (size_t i = 0; i < settings_count() && found == NULL; i++) {
		buf_clear(&name);
		settings_flag_name(settings_def(i), &name);
		if (span_eq(flag, buf_span(&name))) found = settings_def(i);
	}
	buf_deinit(&name);
	return found;
}

void settings_init(struct settings *s)
{
	*s = (struct settings){ .arena = ARENA_INIT };
	for (size_t i = 0; i < COUNT; i++) {
		const char *text = defs[i].fallback;
		if (text == NULL && defs[i].kind == SETTINGS_LIST) continue;
		enum mg_code rc = settings_set(s, &defs[i], span_of(text ? text : ""), NULL);
		MG_ASSERT(rc == MG_OK);
	}
}

void settings_deinit(struct settings *s)
{
	arena_deinit(&s->arena);
	*s = (struct settings){ 0 };
}

static void *field(const struct settings *s, const struct settings_def *def)
{
	return (char *)s + def->offset;
}

static enum mg_code check_bounds(const struct settings_def *def, uint64_t v, struct mg_err *err)
{
	if (v >= def->min && (def->max == 0 || v <= def->max)) return MG_OK;

	struct mg_buf lo = BUF_MAX(64), hi = BUF_MAX(64);
	void (*put)(uint64_t, struct mg_buf *) =
		def->kind == SETTINGS_DURATION ? quantity_put_duration : quantity_put_size;
	if (def->kind == SETTINGS_INT) {
		buf_append_u64(&lo, def->min);
		buf_append_u64(&hi, def->max);
	} else {
		put(def->min, &lo);
		put(def->max, &hi);
	}
	err_set(err, MG_INVALID, MG_CAUSE_NONE, "must lie between %s and %s", buf_cstr(&lo),
		buf_cstr(&hi));
	buf_deinit(&lo);
	buf_deinit(&hi);
	return MG_INVALID;
}

static enum mg_code set_number(struct settings *s, const struct settings_def *def,
			       struct mg_span text, struct mg_err *err)
{
	uint64_t v = 0;
	enum mg_code rc = MG_OK;

	if (def->kind == SETTINGS_DURATION)
		rc = quantity_duration(text, &v, err);
	else if (def->kind == SETTINGS_SIZE)
		rc = quantity_size(text, &v, err);
	else if (!span_u64(text, UINT32_MAX, &v))
		rc = err_set(err, MG_INVALID, MG_CAUSE_NONE, "expected a number, not \"%.*s\"",
			     SPAN_ARG(text));
	if (rc == MG_OK) rc = check_bounds(def, v, err);
	if (rc == MG_OK) *(uint64_t *)field(s, def) = v;
	return rc;
}

static enum mg_code set_bool(struct settings *s, const struct settings_def *def,
			     struct mg_span text, struct mg_err *err)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "true", true },   { "yes", true }, { "on", true },   { "1", true },
		{ "false", false }, { "no", false }, { "off", false }, { "0", false },
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (span_eq(text, span_of(words[i].word))) {
			*(bool *)field(s, def) = words[i].value;
			return MG_OK;
		}
	return err_set(err, MG_INVALID, MG_CAUSE_NONE, "expected true or false, not \"%.*s\"",
		       SPAN_ARG(text));
}

static enum mg_code set_enum(struct settings *s, const struct settings_def *def,
			     struct mg_span text, struct mg_err *err)
{
	for (unsigned i = 0; def->words[i] != NULL; i++)
		if (span_eq(text, span_of(def->words[i]))) {
			*(unsigned *)field(s, def) = i;
			return MG_OK;
		}
	struct mg_buf known = BUF_MAX(256);
	for (unsigned i = 0; def->words[i] != NULL; i++)
		buf_printf(&known, "%s%s",
			   i == 0                      ? ""
			   : def->words[i + 1] == NULL ? " or "
						       : ", ",
			   def->words[i]);
	err_set(err, MG_INVALID, MG_CAUSE_NONE, "expected %s, not \"%.*s\"", buf_cstr(&known),
		SPAN_ARG(text));
	buf_deinit(&known);
	return MG_INVALID;
}

static enum mg_code set_list(struct settings *s, const struct settings_def *def,
			     struct mg_span text, struct mg_err *err)
{
	struct settings_list list = { 0 };
	struct mg_span rest = text.n > 0 ? text : SPAN("");

	for (size_t i = 0; i < text.n; i++)
		list.n += text.p[i] == ',';
	list.items = arena_alloc(&s->arena, (list.n + 1) * sizeof *list.items);
	list.n = 0;
	if (text.n == 0 && def->fallback != NULL && def->fallback[0] == '\0') rest.p = NULL;
	while (rest.p != NULL) {
		struct mg_span item = span_trim(span_cut(&rest, ','));
		if (item.n == 0)
			return err_set(err, MG_INVALID, MG_CAUSE_NONE, "has an empty item");
		list.items[list.n++] = arena_strdup(&s->arena, item);
	}
	*(struct settings_list *)field(s, def) = list;
	return MG_OK;
}

enum mg_code settings_set(struct settings *s, const struct settings_def *def, struct mg_span text,
			  struct mg_err *err)
{
	/* No setting has a use for control bytes, and settings_encode relies on their absence. */
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return err_set(err, MG_INVALID, MG_CAUSE_NONE,
				       "must not contain control characters");
	switch (def->kind) {
	case SETTINGS_STRING:
	case SETTINGS_PATH:
		*(const char **)field(s, def) = arena_strdup(&s->arena, text);
		return MG_OK;
	case SETTINGS_DURATION:
	case SETTINGS_SIZE:
	case SETTINGS_INT:
		return set_number(s, def, text, err);
	case SETTINGS_BOOL:
		return set_bool(s, def, text, err);
	case SETTINGS_ENUM:
		return set_enum(s, def, text, err);
	case SETTINGS_LIST:
	case SETTINGS_PATHS:
		return set_list(s, def, text, err);
	}
	MG_ASSERT(false);
	return MG_INTERNAL;
}

void settings_text(const struct settings *s, const struct settings_def *def, struct mg_buf *out)
{
	const struct settings_list *list;

	switch (def->kind) {
	case SETTINGS_STRING:
	case SETTINGS_PATH:
		buf_append_str(out, *(const char **)field(s, def));
		break;
	case SETTINGS_DURATION:
		quantity_put_duration(*(uint64_t *)field(s, def), out);
		break;
	case SETTINGS_SIZE:
		quantity_put_size(*(uint64_t *)field(s, def), out);
		break;
	case SETTINGS_INT:
		buf_append_u64(out, *(uint64_t *)field(s, def));
		break;
	case SETTINGS_BOOL:
		buf_append_str(out, *(bool *)field(s, def) ? "true" : "false");
		break;
	case SETTINGS_ENUM:
		buf_append_str(out, def->words[*(unsigned *)field(s, def)]);
		break;
	case SETTINGS_LIST:
	case SETTINGS_PATHS:
		list = field(s, def);
		for (size_t i = 0; i < list->n; i++) {
			if (i > 0) buf_append_char(out, ',');
			buf_append_str(out, list->items[i]);
		}
		break;
	}
}

bool settings_metrics_apart(const struct settings *s)
{
	return s->metrics_enabled && s->metrics_listen[0] != '\0';
}

/* What stands in place of a path. */
static bool is_word(const struct settings_def *def, struct mg_span path)
{
	return span_eq(path, SPAN("-")) ||
	       (def->offset == AT(tls_ocsp) && span_eq(path, SPAN("fetch")));
}

void settings_put_paths(const struct settings_def *def, struct mg_span text, struct mg_span folder,
			struct mg_buf *out)
{
	struct mg_span rest = text;

	while (rest.n > 0) {
		struct mg_span path = rest;
		if (def->kind == SETTINGS_PATHS)
			path = span_cut(&rest, ',');
		else
			rest = SPAN("");
		if (path.n > 0 && path.p[0] != '/' && !is_word(def, path)) {
			buf_append(out, folder);
			buf_append_char(out, '/');
		}
		buf_append(out, path);
		if (rest.p != NULL && path.p + path.n < text.p + text.n) buf_append_char(out, ',');
	}
}

void settings_encode(const struct settings *s, bool with_secrets, struct mg_buf *out)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (defs[i].secret && !with_secrets) continue;
		buf_printf(out, "%s=", defs[i].name);
		settings_text(s, &defs[i], out);
		buf_append_char(out, '\n');
	}
}

enum mg_code settings_decode(struct mg_span text, struct settings *s, struct mg_err *err)
{
	while (text.n > 0) {
		struct mg_span value = span_cut(&text, '\n');
		struct mg_span name = span_cut(&value, '=');
		const struct settings_def *def = settings_find(name);
		if (def == NULL || value.p == NULL)
			return err_set(err, MG_INVALID, MG_CAUSE_NONE,
				       "unknown setting \"%.*s\" from the supervisor",
				       SPAN_ARG(name));
		enum mg_code rc = settings_set(s, def, value, err);
		if (rc != MG_OK) return rc;
	}
	return MG_OK;
}
