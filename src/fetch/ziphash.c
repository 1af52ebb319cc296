/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ziphash.h"

#include "base/log.h"
#include "gomod/dirhash.h"

#define KEY_MAX 16384

static void key_of(const struct target *zip, struct mg_buf *out)
{
	store_key(zip, out);
	buf_append_str(out, "hash");
}

void ziphash_put(struct store *s, const struct target *zip, const char *h1)
{
	struct mg_buf key = BUF_MAX(KEY_MAX);
	struct mg_err err;
	key_of(zip, &key);
	if (store_put(s, buf_cstr(&key), span_of(h1), STAGE_REPLACE, &err) != MG_OK)
		log_warn("cannot write .ziphash", LOG_S("key", key.p), LOG_S("reason", err.text));
	buf_deinit(&key);
}

bool ziphash_mend(struct store *s, const struct target *zip, const char *h1)
{
	struct mg_buf key = BUF_MAX(KEY_MAX), said = BUF_MAX(DIRHASH_SIZE);
	struct mg_err err = { 0 };
	key_of(zip, &key);
	const enum store_find found = store_read(s, buf_cstr(&key), true, &said, NULL, &err);
	const bool right = found == STORE_HIT && span_eq(buf_span(&said), span_of(h1));
	/* What is no file would be in the way of one. */
	if (found == STORE_FAULT && err.code == MG_CORRUPT &&
	    store_quarantine(s, key.p, err.text, &err) != MG_OK)
		log_warn("cannot quarantine", LOG_S("key", key.p), LOG_S("reason", err.text));
	if (!right) ziphash_put(s, zip, h1);
	buf_deinit(&key);
	buf_deinit(&said);
	return !right && found != STORE_MISS;
}
