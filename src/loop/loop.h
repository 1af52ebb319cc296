/* SPDX-License-Identifier: Apache-2.0 */
/* An event loop of one thread, on libuv. Everything here but loop_post is for the loop's own
 * thread (asserted). No callback is ever called from inside the function that registers it. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timer;
struct loop_chore;

#define LOOP_READ   1u
#define LOOP_WRITE  2u
#define LOOP_HANGUP 4u /* comes with LOOP_READ after loop_io_news_only: the peer sends no more */
#define LOOP_BROKEN 8u /* comes with both: the connection has failed; told each turn */

typedef void loop_fn(void *arg);
/* events: LOOP_READ | LOOP_WRITE; an error, which is LOOP_BROKEN, or hang-up wakes both. */
typedef void loop_io_fn(void *arg, unsigned events);

/* Belongs to the thread that first calls loop_run; handles may be made before that by the maker. */
struct loop *loop_new(void);
/* After loop_run returned: runs what was posted and not yet run, frees what handles remain. */
void loop_free(struct loop **l);
void loop_run(struct loop *l);  /* until loop_stop */
void loop_stop(struct loop *l); /* ends loop_run after the current turn; from the loop's thread */
uint64_t loop_now_ms(const struct loop *l); /* monotonic, as of the current turn */
/* Runs fn(arg) on the loop, soon, in the order of posting. Any thread. The only cross-thread door. */
void loop_post(struct loop *l, loop_fn *fn, void *arg);

/* Watches a non-blocking fd (owned by the caller, open until loop_io_free). Starts with no events. */
struct loop_io *loop_io_new(struct loop *l, int fd, loop_io_fn *fn, void *arg);
void loop_io_want(struct loop_io *io, unsigned events); /* level-triggered; 0 pauses */
/* For busy sockets, before the first loop_io_want: while LOOP_READ alone is wanted, what was told once
 * is not told again until more arrives, which saves the kernel a look at the socket each turn. The
 * callback must read until a read comes short, and after LOOP_HANGUP until the end. Wanting other
 * events, and LOOP_READ again, tells anew what is there. */
void loop_io_news_only(struct loop_io *io);
void loop_io_free(struct loop_io **io); /* no callback after; the fd may be closed at once */

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg);
void loop_timer_start(struct loop_timer *t, uint64_t after_ms,
		      uint64_t repeat_ms); /* repeat 0: once */
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer **t);

/* Work for which the loop does not wait: while it is started fn is called once a turn, and the loop looks for what has
 * happened, without waiting, before it is called again. */
struct loop_chore *loop_chore_new(struct loop *l, loop_fn *fn, void *arg);
void loop_chore_start(struct loop_chore *c); /* starting or stopping it twice does nothing */
void loop_chore_stop(struct loop_chore *c);
void loop_chore_free(struct loop_chore **c);

/* Calls fn(arg) on the loop when the signal arrives. One watcher a signal and process. */
void loop_on_signal(struct loop *l, int signum, loop_fn *fn, void *arg);

#endif
