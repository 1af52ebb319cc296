/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/tarreader.h"

#include "base/check.h"

#define BLOCK 512

/* Places in a header block: {from, bytes}. */
#define NAME   0, 100
#define SIZE   124, 12
#define SUM    148, 8
#define TYPE   156
#define MAGIC  257
#define PREFIX 345, 155

void tarreader_init(struct tarreader *t, const struct tarreader_sink *sink)
{
	*t = (struct tarreader){ .sink = *sink,
				 .extended = BUF_MAX(TARREADER_NAME_MAX),
				 .path = BUF_MAX(TARREADER_NAME_MAX) };
}

void tarreader_deinit(struct tarreader *t)
{
	buf_deinit(&t->extended);
	buf_deinit(&t->path);
}

static enum mg_code broken(struct mg_err *err, const char *what)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_VCS,
		       "the archive that git has written is none: %s", what);
}

/* Up to the first NUL. */
static struct mg_span text_at(const char *block, size_t from, size_t n)
{
	return span_make(block + from, strnlen(block + from, n));
}

/* Octal digits, ended by a space, a NUL or the end of the field. */
static bool octal_at(const char *block, size_t from, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < n && block[from + i] >= '0' && block[from + i] <= '7'; i++)
		v = v << 3 | (uint64_t)(block[from + i] - '0');
	for (size_t j = i; j < n; j++)
		if (block[from + j] != ' ' && block[from + j] != '\0') return false;
	*out = v;
	return i > 0;
}

/* The sum of all bytes, those of the sum's own field taken as spaces. */
static bool sum_fits(const char *block)
{
	uint64_t told, sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)block[i];
	return octal_at(block, SUM, &told) && told == sum;
}

/* record = length SP keyword "=" value LF; the length counts all of it. Keywords that we don't know change
 * nothing that is looked at here. */
static bool take_record(struct tarreader *t, struct mg_span *rest)
{
	struct mg_span whole = *rest;
	ptrdiff_t space = span_index(whole, ' ');
	uint64_t n;

	if (space < 0 || !span_u64(span_first(whole, (size_t)space), whole.n, &n)) return false;
	if (n < (size_t)space + 2 || whole.p[n - 1] != '\n') return false;
	struct mg_span value = span_make(whole.p + space + 1, n - (size_t)space - 2);
	struct mg_span key = span_cut(&value, '=');
	if (value.p == NULL) return false;
	*rest = span_from(whole, n);
	if (span_eq(key, SPAN("path"))) {
		if (value.n == 0 || span_index(value, '\0') >= 0) return false;
		buf_clear(&t->path);
		t->has_path = buf_append(&t->path, value);
		return t->has_path;
	}
	if (span_eq(key, SPAN("size"))) {
		t->has_size = span_u64(value, INT64_MAX, &t->size);
		return t->has_size;
	}
	return true;
}

static enum mg_code take_extended(struct tarreader *t, struct mg_err *err)
{
	struct mg_span rest = buf_span(&t->extended);

	while (rest.n > 0)
		if (!take_record(t, &rest)) return broken(err, "an extended header");
	buf_clear(&t->extended);
	return MG_OK;
}

/* The path of the entry: from the extended header, or prefix "/" name. */
static bool find_path(struct tarreader *t)
{
	struct mg_span name = text_at(t->block, NAME), prefix = text_at(t->block, PREFIX);

	if (t->has_path) return true;
	buf_clear(&t->path);
	if (prefix.n > 0) {
		buf_append(&t->path, prefix);
		buf_append_char(&t->path, '/');
	}
	return name.n > 0 && buf_append(&t->path, name);
}

static void expect(struct tarreader *t, int state, uint64_t size)
{
	t->left = size;
	t->padding = (size_t)((BLOCK - size % BLOCK) % BLOCK);
	t->state = state;
	if (size == 0 && t->padding == 0) t->state = TARREADER_HEAD;
}

static enum mg_code take_entry(struct tarreader *t, char type, uint64_t size, struct mg_err *err)
{
	struct tarreader_entry e = { .kind = type == '5'   ? TARREADER_FOLDER
					     : type == '2' ? TARREADER_LINK
							   : TARREADER_FILE };

	if (t->has_size) size = t->size;
	if (!find_path(t)) return broken(err, "an entry without a name");
	if (size != 0 && e.kind != TARREADER_FILE) return broken(err, "content where none belongs");
	e.path = buf_span(&t->path);
	e.size = size;
	t->has_path = t->has_size = false;
	expect(t, TARREADER_CONTENT, size);
	return t->sink.begin(t->sink.arg, &e, err);
}

static enum mg_code take_head(struct tarreader *t, struct mg_err *err)
{
	static const char zeros[BLOCK];
	uint64_t size;
	char type = t->block[TYPE];

	if (memcmp(t->block, zeros, BLOCK) == 0) {
		if (++t->zeros == 2) t->state = TARREADER_END;
		return MG_OK;
	}
	if (t->zeros > 0) return broken(err, "it goes on after its end");
	if (memcmp(t->block + MAGIC, "ustar", 6) != 0 || !sum_fits(t->block) ||
	    !octal_at(t->block, SIZE, &size))
		return broken(err, "a header");
	switch (type) {
	case 'g':
		expect(t, TARREADER_SKIPPED, size);
		return MG_OK;
	case 'x':
		if (size > TARREADER_NAME_MAX) return broken(err, "a name that is too long");
		expect(t, TARREADER_EXTENDED, size);
		return MG_OK;
	case '0':
	case '\0':
	case '2':
	case '5':
		return take_entry(t, type, size, err);
	default:
		return broken(err, "an entry of an unknown kind");
	}
}

/* Up to left bytes of content. */
static enum mg_code take_content(struct tarreader *t, struct mg_span *bytes, struct mg_err *err)
{
	struct mg_span piece = span_first(*bytes, t->left < bytes->n ? (size_t)t->left : bytes->n);
	enum mg_code code = MG_OK;

	*bytes = span_from(*bytes, piece.n);
	t->left -= piece.n;
	if (t->state == TARREADER_EXTENDED)
		buf_append(&t->extended, piece);
	else if (t->state == TARREADER_CONTENT && piece.n > 0)
		code = t->sink.data(t->sink.arg, piece, err);
	if (code != MG_OK || t->left > 0) return code;
	if (t->state == TARREADER_EXTENDED) code = take_extended(t, err);
	t->left = t->padding;
	t->state = t->left > 0 ? TARREADER_PADDING : TARREADER_HEAD;
	return code;
}

enum mg_code tarreader_feed(struct tarreader *t, struct mg_span bytes, struct mg_err *err)
{
	enum mg_code code = MG_OK;

	while (code == MG_OK && bytes.n > 0 && t->state != TARREADER_END) {
		if (t->state == TARREADER_HEAD) {
			struct mg_span part = span_first(bytes, BLOCK - t->block_n);
			memcpy(t->block + t->block_n, part.p, part.n);
			t->block_n += part.n;
			bytes = span_from(bytes, part.n);
			if (t->block_n < BLOCK) break;
			t->block_n = 0;
			code = take_head(t, err);
		} else if (t->state == TARREADER_PADDING) {
			size_t n = t->left < bytes.n ? (size_t)t->left : bytes.n;
			bytes = span_from(bytes, n);
			t->left -= n;
			if (t->left == 0) t->state = TARREADER_HEAD;
		} else {
			code = take_content(t, &bytes, err);
		}
	}
	return code;
}

enum mg_code tarreader_end(const struct tarreader *t, struct mg_err *err)
{
	return t->state == TARREADER_END ? MG_OK : broken(err, "it was cut");
}
