/* SPDX-License-Identifier: Apache-2.0 */
/* Load generator for HTTP/1.1 servers on loopback: one thread, one epoll, keep-alive, never
 * pipelines. Two loops:
 *   closed (default): every connection asks again as soon as its answer is complete. This finds the
 *     maximum, but hides queueing: a slow server is simply asked less often.
 *   open (--rate R): request i is due at start + i/R, whatever the server does. Its latency counts
 *     from that instant, also when no connection was free to send it (no coordinated omission).
 * Each answer's status and body length are verified. The result is one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS         1000000000ull
#define MAX_HEAD   4096
#define MAX_ERRORS 100
#define TAIL_NS    (5 * NS) /* how long answers may still arrive after the end */
#define EVENTS     256

/* --- histogram: 64 linear steps in each power of two, so at most 1.6 % off --- */

#define HIST_BUCKETS (64 * 40)

struct hist {
	uint64_t count[HIST_BUCKETS];
	uint64_t total;
	uint64_t max;
	double sum;
};

static void hist_add(struct hist *h, uint64_t v)
{
	unsigned shift = v < 128 ? 0 : 57u - (unsigned)__builtin_clzll(v);
	uint64_t i = 64ull * shift + (v >> shift);

	h->count[i < HIST_BUCKETS ? i : HIST_BUCKETS - 1]++;
	h->total++;
	h->sum += (double)v;
	if (v > h->max) h->max = v;
}

/* The upper edge of the bucket in which the quantile falls. */
static uint64_t hist_quantile(const struct hist *h, double q)
{
	double goal = q * (double)h->total;
	uint64_t seen = 0;

	for (uint64_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->count[i];
		if (seen > 0 && (double)seen >= goal) {
			uint64_t shift = i < 128 ? 0 : i / 64 - 1;
			uint64_t edge = ((i - 64 * shift + 1) << shift) - 1;

			return edge < h->max ? edge : h->max;
		}
	}
	return h->max;
}

/* --- state --- */

struct target {
	const char *path;
	size_t path_size;
	int status;
	int64_t size; /* -1: any */
};

enum conn_state {
	CONN_IDLE,
	CONN_HEAD,
	CONN_BODY
};

struct conn {
	int fd;
	enum conn_state state;
	const struct target *target;
	uint64_t due_ns; /* when its request was meant to be sent */
	uint64_t left;   /* of the body */
	size_t head_size;
	char head[MAX_HEAD]; /* the part of a head that came before the rest of it */
};

struct load {
	struct sockaddr_in addr;
	struct target *targets;
	size_t target_count;
	struct conn *conns;
	size_t conn_count;
	struct conn **idle; /* ring: the connection that is idle longest is used first */
	size_t idle_first, idle_count;
	double rate; /* a second; 0: closed loop */
	double seconds;
	char fields[1024];
	char host[64];

	int epoll;
	uint64_t random;
	uint64_t start_ns, end_ns, last_ns;
	uint64_t issued, done, done_in_time, errors, body_bytes;
	bool over;   /* no further requests */
	bool once;   /* every target once, in order */
	size_t next; /* target, with once */
	struct hist hist;
	char buf[256 * 1024];
};

__attribute__((format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("bench_load: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* One at random, or the next one; after the last of them there is nothing more to ask. */
static const struct target *pick(struct load *l)
{
	if (l->once) {
		if (l->next + 1 == l->target_count) l->over = true;
		return &l->targets[l->next++];
	}
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return &l->targets[((__uint128_t)l->random * l->target_count) >> 64];
}

/* --- connections --- */

static void conn_open(struct load *l, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0) die("socket: %s", strerror(errno));
	if (connect(c->fd, (struct sockaddr *)&l->addr, sizeof(l->addr)) != 0)
		die("connect to %s: %s", l->host, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		die("epoll_ctl: %s", strerror(errno));
}

static void conn_idle(struct load *l, struct conn *c)
{
	c->state = CONN_IDLE;
	l->idle[(l->idle_first + l->idle_count++) % l->conn_count] = c;
}

/* A wrong or missing answer: counted, said (the first few), and the connection starts over. */
static void conn_fail(struct load *l, struct conn *c, const char *why)
{
	if (l->errors < 5)
		fprintf(stderr, "bench_load: %s: %s\n",
			c->target != NULL ? c->target->path : "idle", why);
	if (++l->errors > MAX_ERRORS) die("more than %d errors", MAX_ERRORS);
	if (c->state != CONN_IDLE) conn_idle(l, c);
	close(c->fd);
	c->head_size = 0;
	conn_open(l, c);
}

static void conn_ask(struct load *l, struct conn *c, uint64_t due_ns)
{
	const struct target *t = pick(l);
	char req[4096];
	int n;

	c->target = t;
	c->state = CONN_HEAD;
	c->head_size = 0;
	c->due_ns = due_ns;
	l->issued++;
	n = snprintf(req, sizeof(req), "GET %.*s HTTP/1.1\r\nHost: %s\r\n%s\r\n", (int)t->path_size,
		     t->path, l->host, l->fields);
	if (n >= (int)sizeof(req)) die("request too long: %s", t->path);
	/* One small request at a time always fits the socket's buffer. */
	if (send(c->fd, req, (size_t)n, MSG_NOSIGNAL) != n) conn_fail(l, c, "send failed");
}

static void conn_done(struct load *l, struct conn *c)
{
	uint64_t now = now_ns();

	hist_add(&l->hist, now > c->due_ns ? now - c->due_ns : 0);
	l->done++;
	l->last_ns = now;
	if (now <= l->end_ns) l->done_in_time++;
	if (l->rate == 0 && !l->over && now < l->end_ns)
		conn_ask(l, c, now);
	else
		conn_idle(l, c);
}

/* Status line and fields up to the empty line: status and body length. The servers measured all
 * send Content-Length; anything else cannot be verified and is an error. */
static const char *parse_head(const char *head, size_t size, int *status, int64_t *length)
{
	const char *end = head + size;

	if (size < 13 || memcmp(head, "HTTP/1.1 ", 9) != 0) return "not an HTTP/1.1 answer";
	*status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
	*length = -1;
	for (const char *p = memchr(head, '\n', size); p != NULL && ++p < end;
	     p = memchr(p, '\n', (size_t)(end - p))) {
		if ((*p | 0x20) != 'c' || strncasecmp(p, "content-length:", 15) != 0) continue;
		*length = strtoll(p + 15, NULL, 10);
	}
	return *length < 0 ? "no Content-Length" : NULL;
}

static void conn_head(struct load *l, struct conn *c, const char *bytes, size_t size)
{
	const char *end = memmem(bytes, size, "\r\n\r\n", 4);
	const char *why;
	int status;
	int64_t length;
	size_t body;

	if (end == NULL) {
		if (size > MAX_HEAD)
			conn_fail(l, c, "head too long");
		else
			memcpy(c->head, bytes, c->head_size = size);
		return;
	}
	why = parse_head(bytes, (size_t)(end + 4 - bytes), &status, &length);
	if (why == NULL && status != c->target->status) why = "unexpected status";
	if (why == NULL && c->target->size >= 0 && length != c->target->size)
		why = "unexpected body length";
	body = size - (size_t)(end + 4 - bytes);
	if (why == NULL && body > (uint64_t)length) why = "more bytes than Content-Length";
	if (why != NULL) {
		conn_fail(l, c, why);
		return;
	}
	l->body_bytes += (uint64_t)length;
	c->left = (uint64_t)length - body;
	c->state = CONN_BODY;
	if (c->left == 0) conn_done(l, c);
}

/* One recv per event: epoll is level-triggered, so a small answer costs exactly one. */
static void conn_readable(struct load *l, struct conn *c)
{
	size_t kept = c->state == CONN_HEAD ? c->head_size : 0;
	size_t room = sizeof(l->buf) - kept;
	ssize_t n;

	memcpy(l->buf, c->head, kept);
	if (c->state == CONN_BODY && c->left < room) room = c->left;
	n = recv(c->fd, l->buf + kept, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
	if (n <= 0) {
		conn_fail(l, c, n == 0 ? "closed by the server" : strerror(errno));
	} else if (c->state == CONN_IDLE) {
		conn_fail(l, c, "bytes that nobody asked for");
	} else if (c->state == CONN_HEAD) {
		conn_head(l, c, l->buf, kept + (size_t)n);
	} else {
		c->left -= (uint64_t)n;
		if (c->left == 0) conn_done(l, c);
	}
}

/* --- the two loops --- */

static void ask_idle(struct load *l, uint64_t due_ns)
{
	struct conn *c = l->idle[l->idle_first];

	l->idle_first = (l->idle_first + 1) % l->conn_count;
	l->idle_count--;
	conn_ask(l, c, due_ns);
}

static uint64_t due_of(const struct load *l, uint64_t i)
{
	return l->start_ns + (uint64_t)((double)i * 1e9 / l->rate);
}

/* Sends what is due. With all connections busy the rest waits, its clock running. */
static void open_loop_send(struct load *l, uint64_t now)
{
	while (!l->over && l->idle_count > 0 && due_of(l, l->issued) <= now) {
		if (due_of(l, l->issued) >= l->end_ns) {
			l->over = true;
			return;
		}
		ask_idle(l, due_of(l, l->issued));
	}
}

static void run(struct load *l)
{
	struct epoll_event ev[EVENTS];
	uint64_t now = now_ns();

	l->start_ns = l->last_ns = now;
	l->end_ns = now + (uint64_t)(l->seconds * 1e9);
	for (;;) {
		/* Closed loop: idle are only the first requests and connections that failed. */
		while (l->rate == 0 && !l->over && l->idle_count > 0)
			ask_idle(l, now);
		/* The open loop spins: this core is the client's own, and a sleep would add its
		 * wake-up time to every latency. */
		int n = epoll_wait(l->epoll, ev, EVENTS, l->rate > 0 ? 0 : 100);

		for (int i = 0; i < n; i++)
			conn_readable(l, ev[i].data.ptr);
		now = now_ns();
		if (l->rate > 0 && !l->over) open_loop_send(l, now);
		if (l->rate == 0 && now >= l->end_ns) l->over = true;
		if (l->over && l->idle_count == l->conn_count) return;
		if (now > l->end_ns + TAIL_NS)
			die("%zu answers are still missing %.0f s after the end",
			    l->conn_count - l->idle_count, (double)TAIL_NS / 1e9);
	}
}

/* --- command line --- */

static void target_add(struct load *l, const char *path, size_t size, int status, int64_t length)
{
	if ((l->target_count & (l->target_count - 1)) == 0) {
		size_t room = l->target_count == 0 ? 1 : l->target_count * 2;

		l->targets = realloc(l->targets, room * sizeof(*l->targets));
		if (l->targets == NULL) die("out of memory");
	}
	l->targets[l->target_count++] = (struct target){ path, size, status, length };
}

/* One target a line: PATH STATUS LENGTH, with "-" for any length. */
static void targets_read(struct load *l, const char *file)
{
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t room = 0;

	if (f == NULL) die("%s: %s", file, strerror(errno));
	while (getline(&line, &room, f) > 0) {
		char path[2048], length[32];
		int status;
		char *copy;

		if (sscanf(line, "%2047s %d %31s", path, &status, length) != 3)
			die("%s: not \"PATH STATUS LENGTH\": %s", file, line);
		copy = strdup(path);
		if (copy == NULL) die("out of memory");
		target_add(l, copy, strlen(copy), status,
			   length[0] == '-' ? -1 : strtoll(length, NULL, 10));
	}
	free(line);
	fclose(f);
}

static void connections_open(struct load *l)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->conns = calloc(l->conn_count, sizeof(*l->conns));
	l->idle = calloc(l->conn_count, sizeof(struct conn *));
	if (l->epoll < 0 || l->conns == NULL || l->idle == NULL)
		die("cannot set up: %s", strerror(errno));
	for (size_t i = 0; i < l->conn_count; i++) {
		conn_open(l, &l->conns[i]);
		conn_idle(l, &l->conns[i]);
	}
}

static void report(const struct load *l)
{
	const struct hist *h = &l->hist;
	struct rusage ru;
	double elapsed = (double)(l->last_ns - l->start_ns) / 1e9;
	double rate = l->once ? (double)l->done / elapsed : (double)l->done_in_time / l->seconds;

	getrusage(RUSAGE_SELF, &ru);
	printf("{\"requests\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"elapsed_s\": %.6f, "
	       "\"rate\": %.1f, \"body_bytes\": %" PRIu64 ", \"client_cpu_s\": %.6f, "
	       "\"latency_us\": {\"mean\": %.1f, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
	       "\"p999\": %.1f, \"max\": %.1f}}\n",
	       l->done, l->errors, elapsed, rate, l->body_bytes,
	       (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
	       h->total > 0 ? h->sum / (double)h->total / 1e3 : 0,
	       (double)hist_quantile(h, 0.5) / 1e3, (double)hist_quantile(h, 0.9) / 1e3,
	       (double)hist_quantile(h, 0.99) / 1e3, (double)hist_quantile(h, 0.999) / 1e3,
	       (double)h->max / 1e3);
}

static const char usage[] =
	"usage: bench_load [--connections N] [--seconds S] [--rate R] [--header LINE]...\n"
	"                  (--get PATH [--status N] [--length N] | --targets FILE [--once])\n"
	"                  ADDR PORT\n";

static void field_add(struct load *l, const char *line)
{
	size_t have = strlen(l->fields);

	if (have + strlen(line) + 3 > sizeof(l->fields)) die("too many header lines");
	snprintf(l->fields + have, sizeof(l->fields) - have, "%s\r\n", line);
}

static void parse_args(struct load *l, int argc, char **argv)
{
	static const struct option options[] = { { "connections", required_argument, NULL, 'c' },
						 { "seconds", required_argument, NULL, 's' },
						 { "rate", required_argument, NULL, 'r' },
						 { "header", required_argument, NULL, 'h' },
						 { "get", required_argument, NULL, 'g' },
						 { "status", required_argument, NULL, 'S' },
						 { "length", required_argument, NULL, 'l' },
						 { "targets", required_argument, NULL, 't' },
						 { "once", no_argument, NULL, 'o' },
						 { NULL, 0, NULL, 0 } };
	const char *get = NULL;
	int status = 200, opt;
	int64_t length = -1;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			l->conn_count = strtoul(optarg, NULL, 10);
			break;
		case 's':
			l->seconds = strtod(optarg, NULL);
			break;
		case 'r':
			l->rate = strtod(optarg, NULL);
			break;
		case 'h':
			field_add(l, optarg);
			break;
		case 'g':
			get = optarg;
			break;
		case 'S':
			status = (int)strtol(optarg, NULL, 10);
			break;
		case 'l':
			length = strtoll(optarg, NULL, 10);
			break;
		case 'o':
			l->once = true;
			break;
		case 't':
			targets_read(l, optarg);
			break;
		default:
			die("%s", usage);
		}
	}
	if (get != NULL) target_add(l, get, strlen(get), status, length);
	if (argc - optind != 2 || l->target_count == 0 || l->conn_count == 0 || l->seconds <= 0)
		die("%s", usage);
	l->addr = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port = htons(
						(uint16_t)strtoul(argv[optind + 1], NULL, 10)) };
	if (inet_pton(AF_INET, argv[optind], &l->addr.sin_addr) != 1)
		die("not an IPv4 address: %s", argv[optind]);
	snprintf(l->host, sizeof(l->host), "%s:%s", argv[optind], argv[optind + 1]);
}

int main(int argc, char **argv)
{
	/* The fields the go command's client sends. */
	static struct load l = { .conn_count = 64,
				 .seconds = 1,
				 .random = 0x9e3779b97f4a7c15ull,
				 .fields = "User-Agent: Go-http-client/1.1\r\n"
					   "Accept-Encoding: gzip\r\n" };

	parse_args(&l, argc, argv);
	connections_open(&l);
	run(&l);
	report(&l);
	return l.errors > 0 ? 1 : 0;
}
