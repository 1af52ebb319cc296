/* SPDX-License-Identifier: Apache-2.0 */
#include "sumdb/forkreport.h"

#include "base/hex.h"

static void print_note(const char *title, struct mg_span note, struct mg_buf *out)
{
	buf_append_str(out, title);
	while (note.n > 0) {
		buf_append_str(out, "\n\t");
		buf_append(out, span_cut(&note, '\n'));
	}
	buf_append_str(out, "\n\n");
}

static void print_hash(const struct tlog_hash *h, struct mg_buf *out)
{
	buf_append_char(out, '\t');
	hex_base64_encode(span_make(h->b, sizeof h->b), out);
	buf_append_char(out, '\n');
}

void forkreport_print(const struct forkreport *f, struct mg_buf *out)
{
	buf_append_str(out,
		       "SECURITY ERROR\n"
		       "the checksum database has signed two trees that exclude each other\n\n");
	print_note("old tree:", f->old_note, out);
	print_note("new tree:", f->new_note, out);
	if (f->proof.n == 0) {
		buf_append_str(out, "proof: the notes themselves\n");
		return;
	}
	buf_append_str(out, "proof: what the new tree begins with, and how it goes on\n");
	print_hash(&f->root, out);
	for (size_t i = 0; i < f->proof.n; i++)
		print_hash(&f->proof.hash[i], out);
}
