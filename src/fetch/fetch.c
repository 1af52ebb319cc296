/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's half of the fetch process: orders come in, flights go out to the lane, results go back. */
#include "fetch/fetch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "fetch/ahead.h"
#include "fetch/desk.h"
#include "fetch/feed.h"
#include "fetch/job.h"
#include "fetch/origin.h"
#include "fetch/proof.h"
#include "loop/channel.h"
#include "loop/lane.h"
#include "record/metrics.h"
#include "record/procstat.h"
#include "store/hot.h"
#include "sumdb/lookup.h"

#define KEY_MAX        16384
#define BODY_MAX       (64u << 10)
#define LANE_QUEUE     8192
#define LANE_WAIT_MS   60000
#define SWEEP_MS       5000
#define ABSENCES_BYTES (4u << 20)
#define NAMELESS       (TICKET_GO_GET | TICKET_SUMDB | TICKET_HOOK) /* about no target */

/* One thing being got, for any number of askers. */
struct flight {
	struct map_node by_key;
	struct fetch *fetch;
	struct arena arena;
	struct list askers;
	struct cancel cancel;
	struct job job;
	struct feed_line line;
	_Atomic unsigned requests;
	bool looked_up; /* its record was asked for while it is on its way */
	bool ahead;     /* begun as a guess, of which the account has not heard yet */
	struct ahead_purse purse;
	uint64_t started_ms;
};

/* A failure worth repeating for a while without another flight. */
struct absence {
	struct mg_err err;
	uint64_t until_ms;
};

struct fetch {
	struct loop *loop;
	struct lane *lane;
	struct loop_timer *sweep;
	struct fetch_options options;
	struct job_means means;
	struct arena arena; /* the list of upstreams */
	struct list desks;
	struct map flights;
	struct hot *absences;
	struct ahead *ahead;
	struct feed *feed;
	bool closing;
	struct loop_timer *retire; /* NULL: going on */
	loop_fn *on_idle;
	void *on_idle_arg;
	atomic_bool forgetting; /* forget_all is posted */
};

static void flight_free(struct flight *fl)
{
	metrics_add(METRICS_FLIGHTS, (uint64_t)-1);
	map_remove(&fl->fetch->flights, &fl->by_key);
	feed_close(&fl->line);
	if (fl->job.hook_fd >= 0) close(fl->job.hook_fd);
	buf_deinit(&fl->job.body);
	arena_deinit(&fl->arena);
	free(fl);
}

static void publish_lane(const struct fetch *f)
{
	if (f->lane == NULL) return;
	metrics_set(METRICS_LANE_WAITING + METRICS_LANE_FETCH, lane_waiting(f->lane));
	metrics_set(METRICS_LANE_THREADS + METRICS_LANE_FETCH, lane_threads(f->lane));
}

static void guess(struct fetch *f);

static void remember(struct flight *fl)
{
	struct fetch *f = fl->fetch;
	const struct job *j = &fl->job;
	if (j->guess && j->code != MG_OK) return;
	if (j->code == MG_OK || j->ttl_ms == 0) {
		hot_remove(f->absences, fl->by_key.key);
		return;
	}
	struct absence *a = check_malloc(sizeof *a);
	*a = (struct absence){ .err = j->err, .until_ms = loop_now_ms(f->loop) + j->ttl_ms };
	hot_put(f->absences, fl->by_key.key, a, sizeof *a + fl->by_key.key.n, a->until_ms);
}

static void on_run(void *arg)
{
	struct flight *fl = arg;
	job_run(&fl->job);
}

static void on_done(void *arg, bool ran);

static void look_up(struct flight *fl);

static void start(struct flight *fl)
{
	struct fetch *f = fl->fetch;
	if (fl->job.target.kind == TARGET_MOD && !(fl->job.flags & NAMELESS)) look_up(fl);
	if (!lane_submit(f->lane, f->loop, on_run, on_done, fl)) on_done(fl, false);
	publish_lane(f);
}

static void settle_account(struct flight *fl, bool got, bool joined)
{
	struct fetch *f = fl->fetch;
	const unsigned requests = atomic_exchange(&fl->requests, 0);
	if (fl->ahead)
		ahead_end(f->ahead, fl->by_key.key, &fl->purse,
			  &(struct ahead_outcome){ .kind = fl->job.target.kind,
						   .requests = requests,
						   .got = got,
						   .joined = joined },
			  loop_now_ms(f->loop));
	else
		ahead_earn(f->ahead, requests);
	fl->ahead = false;
}

/* What was done so far was for nobody. */
static void restart(struct flight *fl)
{
	settle_account(fl, false, false);
	feed_close(&fl->line);
	cancel_init(&fl->cancel);
	fl->job.err = (struct mg_err){ 0 };
	fl->job.stale = false;
	fl->job.ttl_ms = 0;
	buf_clear(&fl->job.body);
	start(fl);
}

static void offer_next(const struct flight *fl)
{
	struct fetch *f = fl->fetch;
	for (size_t i = 0; i < fl->job.nexts; i++) {
		const struct target *t = &fl->job.next[i];
		struct mg_buf key = BUF_MAX(KEY_MAX);
		ticket_key(
			&(struct ticket){ .kind = t->kind, .path = t->path, .version = t->version },
			&key);
		ahead_offer(f->ahead, t, buf_span(&key), fl->job.via, fl->job.next_pruned,
			    loop_now_ms(f->loop));
		buf_deinit(&key);
	}
}

static void on_done(void *arg, bool ran)
{
	struct flight *fl = arg;
	struct job *j = &fl->job;
	if (!ran) {
		metrics_add(METRICS_LANE_REFUSED + METRICS_LANE_FETCH, 1);
		j->code = err_set(&j->err, MG_UNAVAILABLE, MG_CAUSE_NONE,
				  "too many fetches are under way; try again");
		j->err.retry_after_s = 2;
	}
	/* Canceled, but somebody came in the meantime, who is not to be blamed for it. */
	if (j->code == MG_CANCELED && !list_empty(&fl->askers)) {
		restart(fl);
		return;
	}
	job_log(j, fl->started_ms);
	job_count(j);
	publish_lane(fl->fetch);
	remember(fl);
	settle_account(fl, j->code == MG_OK, !j->guess);
	offer_next(fl);
	guess(fl->fetch);
	while (!list_empty(&fl->askers)) {
		struct asker *a = LIST_OWNER(fl->askers.next, struct asker, node);
		if (j->code == MG_OK)
			desk_result(a->desk, a->id,
				    &(struct ticket){
					    .code = MG_OK,
					    .stale = j->stale,
					    .ttl_ms = j->ttl_ms,
					    .body = buf_span(&j->body),
				    });
		else
			desk_failure(a->desk, a->id, &j->err, j->ttl_ms);
		desk_forget(a);
	}
	flight_free(fl);
}

/* --- streams --- */

/* Gives an asker the stream, or news of it. False: later, its worker is behind with its messages. A
 * flight that is canceled may be started again for those who came since, with another stream. */
static bool tell_one(struct asker *a)
{
	struct flight *fl = a->flight;
	const struct stream *s = atomic_load(&fl->line.stream);
	if (s == NULL) return true;
	if (!a->following && (stream_is_cut(s) || cancel_is_set(&fl->cancel))) return true;
	if (channel_queued(a->desk->channel) > 0) return false;
	const struct ticket t = { .type = a->following ? TICKET_PROGRESS : TICKET_STREAM,
				  .id = a->id,
				  .size = stream_size(s) };
	desk_send(a->desk, &t, stream_fds(s), a->following ? 0 : TICKET_STREAM_FDS);
	a->following = true;
	return true;
}

static void tell(struct feed_line *line)
{
	struct flight *fl = LIST_OWNER(line, struct flight, line);
	bool all = true;
	look_up(fl);
	LIST_EACH(it, &fl->askers)
	{
		all &= tell_one(LIST_OWNER(it, struct asker, node));
	}
	if (!all) feed_again(line);
}

/* --- orders --- */

static struct flight *flight_new(struct fetch *f, const struct ticket *t, struct mg_span key,
				 struct mg_err *err)
{
	struct flight *fl = check_calloc(1, sizeof *fl);
	struct job *j = &fl->job;
	*j = (struct job){ .means = &f->means,
			   .arena = &fl->arena,
			   .via = arena_dup(&fl->arena, t->via),
			   .flags = t->flags,
			   .cancel = &fl->cancel,
			   .feed = &fl->line,
			   .signature = arena_dup(&fl->arena, t->version),
			   .hook_fd = -1,
			   .body = BUF_MAX(BODY_MAX) };
	if (t->flags & NAMELESS) {
		j->name = arena_dup(&fl->arena, t->path);
	} else if (target_make(t->kind, t->path, t->version, &fl->arena, &j->target, err) !=
			   MG_OK ||
		   j->target.kind != t->kind) {
		arena_deinit(&fl->arena);
		free(fl);
		return NULL;
	}
	fl->fetch = f;
	fl->started_ms = clock_mono_ms();
	list_init(&fl->askers);
	cancel_init(&fl->cancel);
	feed_open(f->feed, &fl->line);
	j->requests = &fl->requests;
	fl->by_key.key = arena_dup(&fl->arena, key);
	map_put(&f->flights, &fl->by_key);
	metrics_add(METRICS_FLIGHTS, 1);
	return fl;
}

/* A flight that nobody has asked for, if there is none yet and nothing is known. NULL: not begun. */
static struct flight *begin_alone(struct fetch *f, const struct ticket *t, struct mg_span key)
{
	struct mg_err err;
	if (map_get(&f->flights, key) != NULL ||
	    hot_get(f->absences, key, loop_now_ms(f->loop)) != NULL)
		return NULL;
	return flight_new(f, t, key, &err);
}

/* The record of a .mod, or of a large zip, is asked for while that itself is on its way. A guess is in no hurry, and pays
 * for its lookup itself; what no upstream may hear of is not on its way at all. */
static void look_up(struct flight *fl)
{
	const struct job *j = &fl->job;
	if (fl->looked_up) return;
	fl->looked_up = true;
	const struct mg_span private = span_of(fl->fetch->options.private);
	struct mg_buf path = BUF_MAX(KEY_MAX), key = BUF_MAX(KEY_MAX);
	struct mg_err err;
	if (!j->guess && !origin_is_private(private, j->target.path) &&
	    proof_is_due(j->means, j->target.path) &&
	    lookup_path(j->target.path, j->target.version, &path, &err) == MG_OK) {
		const struct ticket t = { .flags = TICKET_SUMDB,
					  .path = buf_span(&path),
					  .via = j->via };
		ticket_key(&t, &key);
		struct flight *lookup = begin_alone(fl->fetch, &t, buf_span(&key));
		if (lookup != NULL) start(lookup);
	}
	buf_deinit(&path);
	buf_deinit(&key);
}

/* Makes the guesses that can be paid, as long as clients need not wait for them. */
static void guess(struct fetch *f)
{
	struct ticket t;
	struct ahead_purse purse;
	while (!f->closing && f->retire == NULL &&
	       lane_waiting(f->lane) <= f->options.threads / 2 &&
	       ahead_take(f->ahead, &t, &purse, loop_now_ms(f->loop))) {
		struct mg_buf key = BUF_MAX(KEY_MAX);
		ticket_key(&t, &key);
		struct flight *fl = begin_alone(f, &t, buf_span(&key));
		if (fl != NULL) {
			fl->ahead = true;
			metrics_add(METRICS_FLIGHTS_AHEAD, 1);
			fl->purse = purse;
			fl->job.purse = &fl->purse;
			fl->job.guess = true;
			start(fl);
		} else {
			ahead_end(f->ahead, buf_span(&key), &purse,
				  &(struct ahead_outcome){ .kind = t.kind }, loop_now_ms(f->loop));
		}
		buf_deinit(&key);
	}
}

static void join(struct flight *fl, struct desk *d, uint32_t id)
{
	fl->job.guess = false;
	struct asker *a = check_calloc(1, sizeof *a);
	a->id = id;
	a->by_id.key = span_make(&a->id, sizeof a->id);
	a->flight = fl;
	a->desk = d;
	map_put(&d->askers, &a->by_id);
	list_append(&fl->askers, &a->node);
	if (!tell_one(a)) feed_again(&fl->line);
}

/* What is taken of fd is set to -1. */
static void on_order(struct desk *d, const struct ticket *t, int *fd)
{
	struct fetch *f = d->fetch;
	struct mg_err err = { .code = MG_INTERNAL,
			      .text = "front and fetch disagree about a name" };
	struct mg_buf key = BUF_MAX(KEY_MAX);
	ticket_key(t, &key);
	struct map_node *node = map_get(&f->flights, buf_span(&key));
	struct flight *fl = node != NULL ? LIST_OWNER(node, struct flight, by_key) : NULL;
	const uint64_t now_ms = loop_now_ms(f->loop);
	ahead_asked(f->ahead, buf_span(&key), now_ms);
	const struct absence *known =
		fl == NULL ? hot_get(f->absences, buf_span(&key), now_ms) : NULL;
	if (map_get(&d->askers, span_make(&t->id, sizeof t->id)) != NULL) {
		log_error("front used an order number twice", LOG_I("id", t->id));
	} else if (known != NULL) {
		desk_failure(d, t->id, &known->err, known->until_ms - now_ms);
	} else if (fl != NULL) {
		metrics_add(METRICS_FLIGHTS_JOINED, 1);
		join(fl, d, t->id);
	} else if ((fl = flight_new(f, t, buf_span(&key), &err)) == NULL) {
		desk_failure(d, t->id, &err, 0);
	} else {
		if (t->flags & TICKET_HOOK) {
			fl->job.hook_fd = *fd;
			*fd = -1;
		}
		join(fl, d, t->id);
		start(fl);
	}
	buf_deinit(&key);
}

/* The last one to leave cancels the flight; it ends by itself, soon. */
static void leave(struct asker *a)
{
	struct flight *fl = a->flight;
	desk_forget(a);
	if (list_empty(&fl->askers)) cancel_set(&fl->cancel);
}

static void on_message(void *arg, struct mg_span message, int *fds, size_t fd_count)
{
	struct desk *d = arg;
	struct ticket t;
	if (!ticket_decode(message, &t) || t.type == TICKET_RESULT || t.type >= TICKET_FORGET) {
		log_error("malformed message from front", LOG_I("bytes", message.n));
		return;
	}
	if (t.type == TICKET_ORDER && d->fetch->retire != NULL) {
		desk_give_back(d, t.id);
		return;
	}
	if (t.type == TICKET_ORDER) {
		int none = -1;
		on_order(d, &t, fd_count > 0 ? &fds[0] : &none);
		return;
	}
	if (t.type == TICKET_SEEN) {
		struct mg_buf key = BUF_MAX(KEY_MAX);
		ticket_key(&t, &key);
		ahead_asked(d->fetch->ahead, buf_span(&key), loop_now_ms(d->fetch->loop));
		buf_deinit(&key);
		guess(d->fetch);
		return;
	}
	struct map_node *node = map_get(&d->askers, span_make(&t.id, sizeof t.id));
	if (node != NULL) leave(LIST_OWNER(node, struct asker, by_id));
}

static void leave_one(struct map_node *node, void *arg)
{
	leave(LIST_OWNER(node, struct asker, by_id));
}

static void desk_free(struct desk *d)
{
	map_each(&d->askers, leave_one, NULL);
	map_deinit(&d->askers);
	channel_free(&d->channel);
	list_remove(&d->node);
	free(d);
}

static void tell_idle(void *arg)
{
	struct fetch *f = arg;
	if (list_empty(&f->desks)) f->on_idle(f->on_idle_arg);
}

static void on_closed(void *arg)
{
	struct desk *d = arg;
	struct fetch *f = d->fetch;
	desk_free(d);
	if (f->retire != NULL) tell_idle(f);
}

static void give_back_one(struct map_node *node, void *arg)
{
	struct asker *a = LIST_OWNER(node, struct asker, by_id);
	/* A download that has begun cannot be begun anew by another. */
	if (a->following) return;
	desk_give_back(a->desk, a->id);
	leave(a);
}

static void on_retire(void *arg)
{
	struct fetch *f = arg;
	LIST_EACH(it, &f->desks)
	{
		map_each(&LIST_OWNER(it, struct desk, node)->askers, give_back_one, NULL);
	}
}

void fetch_retire(struct fetch *f, uint64_t after_ms, loop_fn *on_idle, void *arg)
{
	MG_ASSERT(f->retire == NULL);
	f->on_idle = on_idle;
	f->on_idle_arg = arg;
	f->retire = loop_timer_new(f->loop, on_retire, f);
	loop_timer_start(f->retire, after_ms, 0);
	loop_post(f->loop, tell_idle, f);
}

void fetch_add_channel(struct fetch *f, int fd)
{
	struct desk *d = check_calloc(1, sizeof *d);
	d->fetch = f;
	list_append(&f->desks, &d->node);
	d->channel = channel_new(f->loop, fd, on_message, on_closed, d);
}

/* --- damage --- */

static void forget_all(void *arg)
{
	struct fetch *f = arg;
	atomic_store(&f->forgetting, false);
	LIST_EACH(it, &f->desks)
	{
		desk_send(LIST_OWNER(it, struct desk, node),
			  &(struct ticket){ .type = TICKET_FORGET }, NULL, 0);
	}
}

/* Any thread. */
static void on_damage(void *arg)
{
	struct fetch *f = arg;
	if (!atomic_exchange(&f->forgetting, true)) loop_post(f->loop, forget_all, f);
}

/* --- life --- */

const struct job_means *fetch_means(const struct fetch *f)
{
	return &f->means;
}

static void on_sweep(void *arg)
{
	struct fetch *f = arg;
	upstream_sweep(f->means.upstream);
	publish_lane(f);
	procstat_publish();
}

enum mg_code fetch_new(struct loop *l, const struct fetch_options *options, struct store *store,
		       struct upstream *upstream, struct negative *negative, struct fetch **out,
		       struct mg_err *err)
{
	struct fetch *f = check_calloc(1, sizeof *f);
	f->options = *options;
	enum mg_code rc =
		job_means_open(&f->means, &f->options, store, upstream, negative, &f->arena, err);
	if (rc != MG_OK) {
		arena_deinit(&f->arena);
		free(f);
		return rc;
	}
	f->loop = l;
	f->means.on_damage = on_damage;
	f->means.on_damage_arg = f;
	list_init(&f->desks);
	f->ahead = ahead_new();
	f->feed = feed_new(l, tell);
	f->absences = hot_new(ABSENCES_BYTES, free);
	f->lane = lane_new("fetch", options->threads, LANE_QUEUE, LANE_WAIT_MS);
	f->sweep = loop_timer_new(l, on_sweep, f);
	loop_timer_start(f->sweep, SWEEP_MS, SWEEP_MS);
	*out = f;
	return MG_OK;
}

static void cancel_one(struct map_node *node, void *arg)
{
	cancel_set(&LIST_OWNER(node, struct flight, by_key)->cancel);
}

static void stop_loop(void *loop)
{
	loop_stop(loop);
}

/* Runs what has been posted by now. */
static void turn(struct loop *l)
{
	loop_post(l, stop_loop, l);
	loop_run(l);
}

void fetch_free(struct fetch **fp)
{
	struct fetch *f = *fp;
	if (f == NULL) return;
	/* Without askers no flight is started again, and guesses are over. */
	f->closing = true;
	while (!list_empty(&f->desks))
		desk_free(LIST_OWNER(f->desks.next, struct desk, node));
	map_each(&f->flights, cancel_one, NULL);
	lane_free(&f->lane);
	/* Each flight ends in its on_done, which the lane has posted by now. */
	turn(f->loop);
	MG_ASSERT(f->flights.count == 0);
	map_deinit(&f->flights);
	hot_free(&f->absences);
	ahead_free(&f->ahead);
	feed_free(&f->feed);
	job_means_close(&f->means);
	/* A refresh that ended only there has posted forget_all. */
	turn(f->loop);
	loop_timer_free(&f->sweep);
	loop_timer_free(&f->retire);
	arena_deinit(&f->arena);
	free(f);
	*fp = NULL;
}
