/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/wipe.h"

#include <openssl/crypto.h>

void wipe_bytes(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
