/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/rsasign.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/check.h"

#define BITS_MIN 2048

/* In place of the prompt that libcrypto would put on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_key(struct mg_span pem)
{
	if (pem.n > INT_MAX) return NULL;
	BIO *bytes = BIO_new_mem_buf(pem.p, (int)pem.n);
	MG_ASSERT(bytes != NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bytes, NULL, no_passphrase, NULL);
	BIO_free(bytes);
	ERR_clear_error(); /* the queue is the thread's, and others read it */
	return key;
}

enum mg_code rsasign_sha256(struct mg_span pem, struct mg_span message, struct mg_buf *out,
			    struct mg_err *err)
{
	EVP_PKEY *key = read_key(pem);
	if (key == NULL || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < BITS_MIN) {
		EVP_PKEY_free(key);
		return err_set(err, MG_INVALID, MG_CAUSE_AUTH,
			       "no RSA key of %d bits or more, in PEM and without a passphrase",
			       BITS_MIN);
	}
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = (size_t)EVP_PKEY_get_size(key);
	char *place = buf_reserve(out, n);
	MG_ASSERT(ctx != NULL && place != NULL);
	MG_ASSERT(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
	MG_ASSERT(EVP_DigestSign(ctx, (unsigned char *)place, &n, (const unsigned char *)message.p,
				 message.n) == 1);
	out->n += n;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return MG_OK;
}
