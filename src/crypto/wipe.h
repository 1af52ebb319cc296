/* SPDX-License-Identifier: Apache-2.0 */
/* Overwrites a secret in a way that no compiler leaves out. Any thread. */
#ifndef CRYPTO_WIPE_H
#define CRYPTO_WIPE_H

#include <stddef.h>

void wipe_bytes(void *p, size_t n);

#endif
