/* SPDX-License-Identifier: Apache-2.0 */
/* What modgate can be told, as plain resolved values, and the one table that names them. A setting
 * `list.fresh` is the key `fresh` below `list` in modgate.yaml, MODGATE_LIST_FRESH in the environment
 * and --list-fresh on the command line. No I/O here; cli/settings_load.h finds the values. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct settings_list {
	const char **items;
	size_t n;
};

/* Strings live in the arena. Durations are milliseconds, sizes bytes. */
struct settings {
	struct arena arena;

	struct settings_list listen;
	const char *listen_mode; /* octal */
	const char *store;
	const char *user;  /* "": stay who we are */
	const char *group; /* "": the user's own */
	bool sandbox;
	uint64_t workers; /* 0: one a core */
	uint64_t drain_delay;
	uint64_t drain_timeout;
	uint64_t max_connections;
	uint64_t hot_cache;

	const char *path_prefix;
	const char *go_proxy_header;
	const char *via;
	bool go_get;
	struct settings_list go_import; /* serve/importpage.h */
	struct settings_list proxy_protocol_from;
	struct settings_list forwarded_from;
	unsigned forwarded_field;                /* enum settings_forwarded */
	uint64_t limits_connections_per_address; /* 0: most of max_connections */
	uint64_t limits_requests_per_address;    /* a second; 0: any number */
	uint64_t limits_burst_per_address;
	uint64_t limits_header_timeout;
	uint64_t limits_idle_timeout;
	uint64_t limits_stall_timeout;
	uint64_t limits_min_rate;
	uint64_t limits_handshakes; /* a worker */
	bool metrics_enabled;
	const char *metrics_listen; /* "": where modules are served */
	bool metrics_athens;
	bool offline;
	uint64_t list_fresh;
	uint64_t list_stale;

	bool prefetch;
	uint64_t fetch_timeout;
	uint64_t fetch_threads;
	uint64_t fetch_absent;
	uint64_t fetch_denied;
	uint64_t fetch_down;
	uint64_t stream_above; /* bytes; 0: never */

	const char *goproxy; /* "": nothing said */
	const char *goprivate;
	const char *gonoproxy;
	const char *gonosumdb;
	const char *gosumdb;
	const char *govcs;
	const char *goinsecure;
	struct settings_list vcs_map;     /* vcs/guide.h */
	struct settings_list vcs_rewrite; /* likewise */
	const char *vcs_credentials;      /* "": none, as the next two */
	const char *vcs_netrc;
	const char *vcs_known_hosts;
	struct settings_list vcs_networks;
	uint64_t vcs_keep;
	uint64_t vcs_keep_for;
	uint64_t vcs_timeout;
	uint64_t vcs_per_host;
	const char *hooks_github; /* "": not taken, as the next two */
	const char *hooks_gitlab;
	const char *hooks_gitea;
	struct settings_list sumdb_also;
	unsigned sumdb; /* enum fetch_sumdb */

	uint64_t scrub_every; /* 0: never */

	uint64_t upstream_connect_timeout;
	uint64_t upstream_first_byte_timeout;
	uint64_t upstream_stall_timeout;
	uint64_t upstream_retries;
	uint64_t upstream_redirects;
	uint64_t upstream_per_host;
	uint64_t upstream_queue_timeout;
	uint64_t upstream_breaker_failures;
	uint64_t upstream_breaker_open;
	const char *upstream_ca_file; /* "": the system's bundle only */

	struct settings_list tls_cert; /* as many as tls_key; none: no TLS */
	struct settings_list tls_key;
	struct settings_list tls_ocsp; /* as many, or none; "-": none for that one */
	const char *tls_client_ca;     /* "": clients are not asked for certificates */
	bool tls_client_cert_required;
	uint64_t tls_ticket_rotate;

	unsigned log_level;  /* enum log_level */
	unsigned log_format; /* enum log_format */
};

enum settings_forwarded {
	SETTINGS_X_FORWARDED_FOR,
	SETTINGS_FORWARDED
};

enum settings_kind {
	SETTINGS_STRING,
	SETTINGS_PATH,
	SETTINGS_DURATION,
	SETTINGS_SIZE,
	SETTINGS_INT,
	SETTINGS_BOOL,
	SETTINGS_ENUM,
	SETTINGS_LIST,  /* text form: items joined by commas; empty only where the default is */
	SETTINGS_PATHS, /* the same of paths */
};

struct settings_def {
	const char *name;
	enum settings_kind kind;
	size_t offset;
	const char *fallback; /* the default as text; NULL: worked out when loading */
	const char *help;
	const char *const *words; /* ENUM: what may stand there, by value; NULL-terminated */
	uint64_t min, max;        /* INT, SIZE, DURATION; max 0: no bound */
	const char *needs;   /* meaningless without this other setting: half a pair is an error */
	bool secret;         /* may hold credentials: shown blotted, not told to front */
	const char *go_name; /* the go command's own name for it */
};

#define SETTINGS_MAX        96 /* room for per-setting arrays; settings_count() is at most that */
#define SETTINGS_LISTEN_MAX 16

static inline bool settings_is_list(const struct settings_def *def)
{
	return def->kind == SETTINGS_LIST || def->kind == SETTINGS_PATHS;
}

size_t settings_count(void);
const struct settings_def *settings_def(size_t i);
size_t settings_index(const struct settings_def *def);
/* By dotted name; NULL when there is none. */
const struct settings_def *settings_find(struct mg_span name);
/* The setting that was probably meant, or NULL. */
const struct settings_def *settings_nearest(struct mg_span name);
/* "MODGATE_LIST_FRESH" and "--list-fresh". */
void settings_env_name(const struct settings_def *def, struct mg_buf *out);
void settings_flag_name(const struct settings_def *def, struct mg_buf *out);
/* By its flag, "--list-fresh"; NULL when there is none. */
const struct settings_def *settings_find_flag(struct mg_span flag);

/* Every setting at its fallback; those without one are empty. */
void settings_init(struct settings *s);
void settings_deinit(struct settings *s);
/* Parses text into the setting. MG_INVALID says what was expected (without the setting's name). */
MG_CHECK enum mg_code settings_set(struct settings *s, const struct settings_def *def,
				   struct mg_span text, struct mg_err *err);
/* The value as settings_set reads it back. */
void settings_text(const struct settings *s, const struct settings_def *def, struct mg_buf *out);
/* The same with every user-info in a URL blotted out, and in secret settings every query: for people. */
void settings_text_redacted(const struct settings *s, const struct settings_def *def,
			    struct mg_buf *out);
/* Does a URL in the value carry what settings_text_redacted blots out? */
bool settings_has_user_info(const struct settings *s, const struct settings_def *def);
/* Are the metrics answered on a socket of their own? */
bool settings_metrics_apart(const struct settings *s);
/* The path, or the list of paths, in text with folder and a slash before each that is relative. */
void settings_put_paths(const struct settings_def *def, struct mg_span text, struct mg_span folder,
			struct mg_buf *out);
/* All settings as "name=text" lines, for a child process; those marked secret only when asked for. */
void settings_encode(const struct settings *s, bool with_secrets, struct mg_buf *out);
/* s must be initialised. MG_INVALID on anything settings_encode does not write. */
MG_CHECK enum mg_code settings_decode(struct mg_span text, struct settings *s, struct mg_err *err);

#endif
