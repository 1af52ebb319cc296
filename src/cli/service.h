/* SPDX-License-Identifier: Apache-2.0 */
/* One child process of the supervisor: front or fetch. The supervisor's loop only. */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "base/list.h"
#include "cli/sockets.h"
#include "loop/channel.h"
#include "loop/child.h"

struct service;

/* what: a ROLE_TELL_… byte. fds the receiver keeps it sets to -1. */
typedef void service_news_fn(struct service *svc, char what, int *fds, size_t fd_count);
/* It has ended; the owner frees the handle (may do it here). */
typedef void service_exit_fn(struct service *svc, int wait_status);

struct service {
	const char *name;
	struct child *child;     /* NULL: it has ended */
	struct channel *control; /* NULL: it is ending */
	struct list node;        /* its owner's */
	unsigned workers;        /* front: how many channels to fetch it has */
	unsigned place;          /* front: among those that count (record/metrics.h) */
	uint64_t since_ms;       /* when it was started, told to go, or retired */
	uint64_t asked_ms;       /* when it was pinged; 0: it has answered */
	bool told_to_go;         /* fetch: the store is its own */
	bool ready;              /* it does its work */
	bool mute;               /* killed, for it did not begin to */
	/* its own */
	struct loop *loop;
	service_news_fn *on_news;
	service_exit_fn *on_exit;
	void *owner;
};

struct service_spec {
	const char *name;
	const char *const *argv;
	int settings_fd, metrics_fd;
	const struct sockets *sockets; /* may be NULL; they come first */
	const int *ends;               /* then these */
	size_t ends_n;
	int extra_fd; /* then this one; -1: none */
	service_news_fn *on_news;
	service_exit_fn *on_exit;
	void *owner;
};

/* NULL with errno: it could not be started. */
struct service *service_start(struct loop *l, const struct service_spec *spec);
/* A process that is ending hears nothing. fds stay the caller's. */
void service_tell(struct service *svc, char what, const int *fds, size_t fd_count);
/* The same with a number behind the byte. */
void service_tell_u32(struct service *svc, char what, uint32_t value);
/* It hears that nobody speaks to it any more, and ends. */
void service_hang_up(struct service *svc);
/* Kills it if it runs; on_exit is not called. */
void service_free(struct service **svc);

#endif
