/* SPDX-License-Identifier: Apache-2.0 */
/* Unpredictable bytes from the kernel. Aborts if the kernel has none. Any thread. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t n);

#endif
