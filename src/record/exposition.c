/* SPDX-License-Identifier: Apache-2.0 */
#include "record/exposition.h"

#include <stdio.h>

#include "base/err.h"
#include "record/metrics.h"

static const char *const kinds[METRICS_KINDS + 1] = {
	[METRICS_KIND_OTHER] = "other",   [METRICS_KIND_LIST] = "list",
	[METRICS_KIND_LATEST] = "latest", [METRICS_KIND_INFO] = "info",
	[METRICS_KIND_MOD] = "mod",       [METRICS_KIND_ZIP] = "zip",
	[METRICS_KIND_QUERY] = "query",   [METRICS_KIND_SUMDB] = "sumdb",
};
static const char *const lookups[METRICS_LOOKUPS + 1] = {
	[METRICS_LOOKUP_MEMORY] = "memory",
	[METRICS_LOOKUP_STORE] = "store",
	[METRICS_LOOKUP_FETCHED] = "fetched",
	[METRICS_LOOKUP_FAILED] = "failed",
};
static const char *const refusals[METRICS_REFUSALS + 1] = {
	[METRICS_REFUSED_ADDRESS] = "address",
	[METRICS_REFUSED_DESCRIPTORS] = "descriptors",
};
static const char *const pauses[METRICS_PAUSES + 1] = {
	[METRICS_PAUSE_DESCRIPTORS] = "descriptors",
	[METRICS_PAUSE_CONNECTIONS] = "connections",
};
static const char *const timeouts[METRICS_TIMEOUTS + 1] = {
	[METRICS_TIMEOUT_IDLE] = "idle",
	[METRICS_TIMEOUT_HEAD] = "head",
	[METRICS_TIMEOUT_WRITE] = "write",
	[METRICS_TIMEOUT_HANDSHAKE] = "handshake",
};
static const char *const handshakes[METRICS_HANDSHAKES + 1] = {
	[METRICS_HANDSHAKE_FULL] = "full",
	[METRICS_HANDSHAKE_RESUMED] = "resumed",
	[METRICS_HANDSHAKE_FAILED] = "failed",
};
static const char *const greetings[METRICS_GREETINGS + 1] = {
	[METRICS_GREETING_ON] = "under_way",
	[METRICS_GREETING_WAITING] = "waiting",
};
static const char *const hooks[METRICS_HOOK_RESULTS + 1] = {
	[METRICS_HOOK_TAKEN] = "taken",
	[METRICS_HOOK_REFUSED] = "refused",
	[METRICS_HOOK_FAILED] = "failed",
};
static const char *const reloads[METRICS_RELOADS + 1] = {
	[METRICS_RELOAD_TAKEN] = "taken",
	[METRICS_RELOAD_REFUSED] = "refused",
};
static const char *const upgrades[METRICS_UPGRADES + 1] = {
	[METRICS_UPGRADE_DONE] = "done",
	[METRICS_UPGRADE_FAILED] = "failed",
};
static const char *const resets[METRICS_RESET_KINDS + 1] = {
	[METRICS_RESET_RECEIVED] = "client",
	[METRICS_RESET_SENT] = "server",
};
static const char *const floods[METRICS_FLOODS + 1] = {
	[METRICS_FLOOD_CHATTER] = "chatter", [METRICS_FLOOD_RESETS] = "resets",
	[METRICS_FLOOD_FAULTS] = "faults",   [METRICS_FLOOD_HEAD] = "head",
	[METRICS_FLOOD_UNSENT] = "unsent",
};
static const char *const ocsps[METRICS_OCSPS + 1] = {
	[METRICS_OCSP_GOOD] = "good",
	[METRICS_OCSP_REVOKED] = "revoked",
	[METRICS_OCSP_FAILED] = "failed",
};
static const char *const proofs[METRICS_PROOFS + 1] = {
	[METRICS_PROOF_PROVEN] = "proven",           [METRICS_PROOF_EXEMPT] = "exempt",
	[METRICS_PROOF_MISMATCH] = "mismatch",       [METRICS_PROOF_UNKNOWN] = "unknown",
	[METRICS_PROOF_UNREACHABLE] = "unreachable",
};
static const char *const lanes[METRICS_LANES + 1] = {
	[METRICS_LANE_FS] = "fs",
	[METRICS_LANE_FETCH] = "fetch",
};
static const char *const processes[METRICS_PROCESSES + 1] = {
	[METRICS_SUPERVISOR] = "supervisor",
	[METRICS_FRONT] = "front",
	[METRICS_FETCH] = "fetch",
};
static const char *const classes[METRICS_CLASSES] = {
	[METRICS_CLASS_2XX] = "2xx",     [METRICS_CLASS_3XX] = "3xx",
	[METRICS_CLASS_4XX] = "4xx",     [METRICS_CLASS_5XX] = "5xx",
	[METRICS_CLASS_ERROR] = "error", [METRICS_CLASS_CANCELED] = "canceled",
};
/* As enum mg_code counts, then "stale". */
static const char *const results[METRICS_RESULTS + 1] = {
	[MG_OK] = "ok",
	[MG_NOT_FOUND] = "not_found",
	[MG_DENIED] = "denied",
	[MG_INVALID] = "invalid",
	[MG_TIMEOUT] = "timeout",
	[MG_UNAVAILABLE] = "unavailable",
	[MG_CORRUPT] = "corrupt",
	[MG_CANCELED] = "canceled",
	[MG_INTERNAL] = "internal",
	[METRICS_RESULTS - 1] = "stale",
};

enum type {
	COUNTER,
	GAUGE,
	HISTOGRAM,
};
static const char *const types[] = { "counter", "gauge", "histogram" };

struct label {
	const char *name;
	const char *const *words; /* NULL-terminated; NULL: status codes */
};

/* One metric: its slots are those of all combinations of its labels, the last label's words side by side. */
struct family {
	const char *name;
	enum type type;
	unsigned slot;
	const char *help;
	struct label label[2];
	bool sparse; /* combinations that never occurred are left out */
};

static const struct family families[] = {
	{ "modgate_http_requests_total",
	  COUNTER,
	  METRICS_REQUESTS,
	  "Answers given, by status code and by what was asked for.",
	  { { "code", NULL }, { "kind", kinds } },
	  .sparse = true },
	{ "modgate_http_request_duration_seconds",
	  HISTOGRAM,
	  METRICS_REQUEST_SECONDS,
	  "From the end of a request's head to the beginning of its answer, in whole milliseconds.",
	  { { "kind", kinds } } },
	{ "modgate_lookups_total",
	  COUNTER,
	  METRICS_LOOKED_UP,
	  "Where the answers to requests for modules came from.",
	  { { "result", lookups }, { "kind", kinds } } },
	{ "modgate_http_streams_total", COUNTER, METRICS_STREAMED,
	  "Answers begun with a zip that was still coming." },
	{ "modgate_http_streams_cut_total", COUNTER, METRICS_STREAMS_CUT,
	  "Of these, answers cut, for what came was not what had begun, or not proven." },
	{ "modgate_http_response_bytes_total", COUNTER, METRICS_SENT_BYTES,
	  "Bytes of heads and bodies given to the system to be sent." },
	{ "modgate_http_requests_canceled_total", COUNTER, METRICS_CANCELED,
	  "Requests whose client left before the answer." },
	{ "modgate_http_bad_heads_total", COUNTER, METRICS_BAD_HEADS,
	  "Requests refused for what their heads are, or because those came too slowly." },
	{ "modgate_http_connections", GAUGE, METRICS_CONNECTIONS,
	  "Client connections that are open." },
	{ "modgate_http_connections_total", COUNTER, METRICS_ACCEPTED,
	  "Client connections accepted." },
	{ "modgate_http_accept_pauses_total",
	  COUNTER,
	  METRICS_ACCEPT_PAUSES,
	  "Times that accepting paused: for want of descriptors, or at the maximum of connections.",
	  { { "reason", pauses } } },
	{ "modgate_http_connections_refused_total",
	  COUNTER,
	  METRICS_REFUSED,
	  "Connections beyond what one address may have, or what the process has descriptors for.",
	  { { "reason", refusals } } },
	{ "modgate_http_connections_evicted_total", COUNTER, METRICS_EVICTED,
	  "Connections that were idle, or slow to send a head or to shake hands, ended to make "
	  "room for others." },
	{ "modgate_http_requests_limited_total", COUNTER, METRICS_LIMITED,
	  "Requests answered 429." },
	{ "modgate_http_timeouts_total",
	  COUNTER,
	  METRICS_TIMED_OUT,
	  "Connections ended because the client was idle, or slow: to send a head, to take an "
	  "answer, "
	  "to shake hands.",
	  { { "phase", timeouts } } },
	{ "modgate_http2_connections_total", COUNTER, METRICS_H2_CONNECTIONS,
	  "Client connections that spoke HTTP/2." },
	{ "modgate_http2_requests_total", COUNTER, METRICS_H2_REQUESTS,
	  "Requests that came by HTTP/2." },
	{ "modgate_http2_resets_total",
	  COUNTER,
	  METRICS_H2_RESETS,
	  "Streams reset, by the client or because of what it sent.",
	  { { "by", resets } } },
	{ "modgate_http2_stalled_total", COUNTER, METRICS_H2_STALLED,
	  "Answers given up because the client took too little of them." },
	{ "modgate_http2_goaways_total", COUNTER, METRICS_H2_GOAWAYS, "GOAWAY frames sent." },
	{ "modgate_http2_floods_total",
	  COUNTER,
	  METRICS_H2_FLOODS,
	  "Connections ended because the client sent too much of what is no request.",
	  { { "kind", floods } } },
	{ "modgate_tls_handshakes_total",
	  COUNTER,
	  METRICS_TLS_HANDSHAKES,
	  "TLS handshakes with clients, by how they ended.",
	  { { "result", handshakes } } },
	{ "modgate_tls_handshaking",
	  GAUGE,
	  METRICS_TLS_GREETING,
	  "TLS handshakes that have begun, and clients that wait to begin one.",
	  { { "state", greetings } } },
	{ "modgate_tls_reloads_total",
	  COUNTER,
	  METRICS_TLS_RELOADS,
	  "Changed certificates that were taken, and those refused because they do not fit "
	  "together.",
	  { { "result", reloads } } },
	{ "modgate_tls_floods_total", COUNTER, METRICS_TLS_FLOODS,
	  "TLS connections ended because the client sent too many messages after the handshake." },
	{ "modgate_settings_reloads_total",
	  COUNTER,
	  METRICS_SETTINGS_RELOADS,
	  "New settings that came into force, and those that were refused.",
	  { { "result", reloads } } },
	{ "modgate_upgrades_total",
	  COUNTER,
	  METRICS_UPGRADED,
	  "Binaries that took over from another, and those that could not.",
	  { { "result", upgrades } } },
	{ "modgate_drains_total", COUNTER, METRICS_DRAINS,
	  "Fronts told to finish their answers and leave." },
	{ "modgate_drain_cut_connections_total", COUNTER, METRICS_DRAIN_CUT,
	  "Connections ended because their front had no more time to finish." },
	{ "modgate_tls_ocsp_fetches_total",
	  COUNTER,
	  METRICS_OCSP_FETCHES,
	  "Questions to authorities about our certificates, by what they said.",
	  { { "result", ocsps } } },
	{ "modgate_fetch_orders_total", COUNTER, METRICS_ORDERS, "What front asked of fetch." },
	{ "modgate_fetch_flights", GAUGE, METRICS_FLIGHTS, "Things that are being fetched." },
	{ "modgate_fetch_flights_total",
	  COUNTER,
	  METRICS_FLIGHTS_ENDED,
	  "Things that were fetched, by what came of it.",
	  { { "result", results }, { "kind", kinds } },
	  .sparse = true },
	{ "modgate_fetch_joined_total", COUNTER, METRICS_FLIGHTS_JOINED,
	  "Orders for what was being fetched already." },
	{ "modgate_fetch_ahead_total", COUNTER, METRICS_FLIGHTS_AHEAD,
	  "Things fetched before anybody asked." },
	{ "modgate_upstream_request_duration_seconds", HISTOGRAM, METRICS_UPSTREAM_SECONDS,
	  "From a request to an upstream to the end of its answer." },
	{ "modgate_upstream_response_bytes_total", COUNTER, METRICS_UPSTREAM_BYTES,
	  "Bytes of bodies received from upstreams." },
	{ "modgate_proofs_total",
	  COUNTER,
	  METRICS_PROVED,
	  "Artifacts compared with the checksum database, by what came of it.",
	  { { "result", proofs } } },
	{ "modgate_retagged_total", COUNTER, METRICS_RETAGGED,
	  "Tags of stored versions that were moved in their repositories." },
	{ "modgate_hooks_total",
	  COUNTER,
	  METRICS_HOOKS,
	  "Webhooks, by what became of them.",
	  { { "result", hooks } } },
	{ "modgate_store_faults_total", COUNTER, METRICS_STORE_FAULTS,
	  "Failures to read or write the store." },
	{ "modgate_store_damaged_total", COUNTER, METRICS_DAMAGED, "Stored files found damaged." },
	{ "modgate_lane_waiting",
	  GAUGE,
	  METRICS_LANE_WAITING,
	  "Jobs that wait for a thread.",
	  { { "lane", lanes } } },
	{ "modgate_lane_threads",
	  GAUGE,
	  METRICS_LANE_THREADS,
	  "Threads for work that blocks.",
	  { { "lane", lanes } } },
	{ "modgate_lane_refused_total",
	  COUNTER,
	  METRICS_LANE_REFUSED,
	  "Jobs given up because too many waited, or for too long.",
	  { { "lane", lanes } } },
	{ "modgate_process_restarts_total",
	  COUNTER,
	  METRICS_RESTARTS,
	  "Starts of a process after it ended unexpectedly.",
	  { { "process", processes } } },
};

/* --- writing --- */

static void begin(struct mg_buf *out, const char *name, enum type type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* label_value can be any sequence of UTF-8 characters, but backslash, double-quote and line feed are
 * escaped. */
static void put_value(struct mg_buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"') buf_append_char(out, '\\');
		buf_append_char(out, *value >= 0x20 && *value < 0x7f ? *value : '?');
	}
}

static void begin_label(struct mg_buf *out, const char *name)
{
	if (out->p[out->n - 1] != '{') buf_append_char(out, ',');
	buf_printf(out, "%s=\"", name);
}

static void put_label(struct mg_buf *out, const char *name, const char *value)
{
	begin_label(out, name);
	put_value(out, value);
	buf_append_char(out, '"');
}

static void put_seconds(struct mg_buf *out, uint64_t us)
{
	buf_printf(out, "%llu", (unsigned long long)(us / 1000000));
	if (us % 1000000 != 0) {
		buf_printf(out, ".%06u", (unsigned)(us % 1000000));
		while (out->p[out->n - 1] == '0')
			out->n--;
	}
}

static unsigned words_of(const struct label *l)
{
	unsigned n = 0;

	if (l->name == NULL) return 1;
	if (l->words == NULL) return METRICS_CODES;
	while (l->words[n] != NULL)
		n++;
	return n;
}

static void put_labels(struct mg_buf *out, const struct family *f, unsigned combination)
{
	const unsigned inner = words_of(&f->label[1]);
	const unsigned at[2] = { combination / inner, combination % inner };

	buf_append_char(out, '{');
	for (int i = 0; i < 2 && f->label[i].name != NULL; i++) {
		char status[8];
		const struct label *l = &f->label[i];
		if (l->words == NULL)
			snprintf(status, sizeof status, metrics_status(at[i]) ? "%d" : "other",
				 metrics_status(at[i]));
		put_label(out, l->name, l->words == NULL ? status : l->words[at[i]]);
	}
}

static void end_labels(struct mg_buf *out)
{
	if (out->p[out->n - 1] == '{')
		out->n--;
	else
		buf_append_char(out, '}');
	buf_append_char(out, ' ');
}

static void put_simple(struct mg_buf *out, const struct family *f, unsigned combination)
{
	const uint64_t value = metrics_sum(f->slot + combination);

	if (f->sparse && value == 0) return;
	buf_append_str(out, f->name);
	put_labels(out, f, combination);
	end_labels(out);
	buf_append_u64(out, value);
	buf_append_char(out, '\n');
}

static void put_histogram(struct mg_buf *out, const struct family *f, unsigned combination)
{
	const unsigned slot = f->slot + combination * METRICS_HISTOGRAM;
	uint64_t count = 0;

	for (unsigned b = 0; b < METRICS_BUCKETS; b++) {
		count += metrics_sum(slot + b);
		buf_printf(out, "%s_bucket", f->name);
		put_labels(out, f, combination);
		begin_label(out, "le");
		if (b == METRICS_BUCKETS - 1)
			buf_append_str(out, "+Inf");
		else
			put_seconds(out, metrics_bound_us(b));
		buf_append_char(out, '"');
		end_labels(out);
		buf_append_u64(out, count);
		buf_append_char(out, '\n');
	}
	buf_printf(out, "%s_sum", f->name);
	put_labels(out, f, combination);
	end_labels(out);
	put_seconds(out, metrics_sum(slot + METRICS_BUCKETS));
	buf_printf(out, "\n%s_count", f->name);
	put_labels(out, f, combination);
	end_labels(out);
	buf_append_u64(out, count);
	buf_append_char(out, '\n');
}

static void put_family(struct mg_buf *out, const struct family *f)
{
	const unsigned n = words_of(&f->label[0]) * words_of(&f->label[1]);

	begin(out, f->name, f->type, f->help);
	for (unsigned i = 0; i < n; i++)
		if (f->type == HISTOGRAM)
			put_histogram(out, f, i);
		else
			put_simple(out, f, i);
}

/* --- what has other labels --- */

static void put_upstreams(struct mg_buf *out)
{
	struct metrics_host h;

	begin(out, "modgate_upstream_requests_total", COUNTER,
	      "Requests to upstreams, by the class of the answer's status code.");
	for (unsigned i = 0; i <= METRICS_HOSTS_MAX; i++) {
		metrics_host(i, &h);
		for (unsigned c = 0; c < METRICS_CLASSES; c++) {
			if (h.name[0] == '\0' || h.requests[c] == 0) continue;
			buf_append_str(out, "modgate_upstream_requests_total{");
			put_label(out, "host", h.name);
			put_label(out, "code", classes[c]);
			end_labels(out);
			buf_append_u64(out, h.requests[c]);
			buf_append_char(out, '\n');
		}
	}
	begin(out, "modgate_upstream_breaker_open", GAUGE,
	      "Is an upstream left alone for a while, after failures in a row?");
	for (unsigned i = 0; i < METRICS_HOSTS_MAX; i++) {
		metrics_host(i, &h);
		if (h.name[0] == '\0') continue;
		buf_append_str(out, "modgate_upstream_breaker_open{");
		put_label(out, "host", h.name);
		end_labels(out);
		buf_printf(out, "%d\n", h.open);
	}
}

static const struct {
	const char *name;
	enum type type;
	unsigned slot;
	bool microseconds;
	const char *help;
} process_figures[] = {
	{ "process_resident_memory_bytes", GAUGE, METRICS_PROCESS_RSS, false,
	  "Resident memory size in bytes." },
	{ "process_virtual_memory_bytes", GAUGE, METRICS_PROCESS_VIRTUAL, false,
	  "Virtual memory size in bytes." },
	{ "process_open_fds", GAUGE, METRICS_PROCESS_FDS, false,
	  "Number of open file descriptors." },
	{ "process_max_fds", GAUGE, METRICS_PROCESS_FDS_MAX, false,
	  "Maximum number of open file descriptors." },
	{ "process_cpu_seconds_total", COUNTER, METRICS_PROCESS_CPU_US, true,
	  "Total user and system CPU time spent in seconds." },
	{ "process_start_time_seconds", GAUGE, METRICS_PROCESS_START_S, false,
	  "Start time of the process since unix epoch in seconds." },
};

static void put_processes(struct mg_buf *out)
{
	for (size_t i = 0; i < sizeof process_figures / sizeof process_figures[0]; i++) {
		begin(out, process_figures[i].name, process_figures[i].type,
		      process_figures[i].help);
		for (unsigned p = METRICS_FRONT; p < METRICS_PROCESSES; p++) {
			const uint64_t v = metrics_of(p, process_figures[i].slot);
			buf_printf(out, "%s{process=\"%s\"} ", process_figures[i].name,
				   processes[p]);
			if (process_figures[i].microseconds)
				put_seconds(out, v);
			else
				buf_append_u64(out, v);
			buf_append_char(out, '\n');
		}
	}
}

/* --- as Athens has it --- */

static uint64_t looked_up(bool hit, unsigned kind)
{
	const uint64_t memory =
		metrics_sum(METRICS_LOOKED_UP + METRICS_LOOKUP_MEMORY * METRICS_KINDS + kind);
	const uint64_t store =
		metrics_sum(METRICS_LOOKED_UP + METRICS_LOOKUP_STORE * METRICS_KINDS + kind);
	const uint64_t fetched =
		metrics_sum(METRICS_LOOKED_UP + METRICS_LOOKUP_FETCHED * METRICS_KINDS + kind);
	const uint64_t failed =
		metrics_sum(METRICS_LOOKED_UP + METRICS_LOOKUP_FAILED * METRICS_KINDS + kind);

	return hit ? memory + store : fetched + failed;
}

static void put_athens(struct mg_buf *out)
{
	static const char *const names[] = { "athens_cache_miss_total", "athens_cache_hit_total" };
	static const char *const helps[] = { "Modules that were not stored.",
					     "Modules served from storage." };

	for (int hit = 1; hit >= 0; hit--) {
		begin(out, names[hit], COUNTER, helps[hit]);
		for (unsigned k = METRICS_KIND_LIST; k <= METRICS_KIND_QUERY; k++)
			buf_printf(out, "%s{cache_type=\"%s\"} %llu\n", names[hit], kinds[k],
				   (unsigned long long)looked_up(hit, k));
	}
	begin(out, "proxy_cache_lookup_total", COUNTER, "Count of cache lookup results");
	for (int hit = 1; hit >= 0; hit--)
		for (unsigned k = METRICS_KIND_LIST; k <= METRICS_KIND_QUERY; k++)
			buf_printf(out,
				   "proxy_cache_lookup_total{cache_result=\"%s\",cache_type=\"%s\"}"
				   " %llu\n",
				   hit ? "hit" : "miss", kinds[k],
				   (unsigned long long)looked_up(hit, k));
}

void exposition_write(const struct exposition_options *options, struct mg_buf *out)
{
	begin(out, "modgate_build_info", GAUGE, "Always 1; the label says which modgate this is.");
	buf_append_str(out, "modgate_build_info{version=\"" MODGATE_VERSION "\"} 1\n");
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		put_family(out, &families[i]);
	put_upstreams(out);
	put_processes(out);
	if (options->athens) put_athens(out);
}
