/* SPDX-License-Identifier: Apache-2.0 */
/* The folders that hold the store's files, opened or made so that they survive power loss: a file in
 * a folder whose own name was never synced can vanish with it. Any thread. */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include <pthread.h>
#include <stdint.h>

struct store;

#define FOLDER_KNOWN 4096

/* Folders this process has already made durable; direct-mapped, so it forgets rather than grows. */
struct folders {
	pthread_mutex_t mutex;
	uint64_t known[FOLDER_KNOWN];
};

void folder_init(struct folders *f);
void folder_deinit(struct folders *f);
/* Opens the folder that key lies in; *name_out is key's last part. A descriptor or a negative errno. */
int folder_open(struct store *s, const char *key, const char **name_out);
/* The same, making what is missing. On return every folder on the way is durable. */
int folder_make(struct store *s, const char *key, const char **name_out);

#endif
