/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/protocol2.h"

#define WORDS_MAX 200 /* of what the other side says */

static enum mg_code senseless(struct mg_err *err, const char *what)
{
	return err_set(err, MG_CORRUPT, MG_CAUSE_HTTP, "the answer makes no sense: %s", what);
}

static enum mg_code says(struct mg_err *err, struct mg_span words)
{
	words = span_first(span_trim(words), WORDS_MAX);
	return err_set(err, MG_UNAVAILABLE, MG_CAUSE_HTTP, "the server says: %.*s",
		       SPAN_ARG(words));
}

static bool is_hash(struct mg_span s)
{
	if (s.n != 40 && s.n != PROTOCOL2_HASH_MAX) return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static bool cut_prefix(struct mg_span *s, struct mg_span prefix)
{
	if (!span_has_prefix(*s, prefix)) return false;
	*s = span_from(*s, prefix.n);
	return true;
}

/* ---- greeting ---- */

/* greeting = [PKT("# service=git-upload-pack") "0000"] PKT("version 2") *PKT(key ["=" value]) "0000" */
struct greeting {
	bool announced, is_version2, ended;
	bool refs, shallow, other_hashes;
	size_t hash_n;
};

static bool has_word(struct mg_span words, struct mg_span wanted)
{
	while (words.p != NULL)
		if (span_eq(span_cut(&words, ' '), wanted)) return true;
	return false;
}

static void take_capability(struct greeting *g, struct mg_span line)
{
	struct mg_span value = line, key = span_cut(&value, '=');
	if (span_eq(key, SPAN("ls-refs"))) g->refs = true;
	if (span_eq(key, SPAN("fetch"))) g->shallow = has_word(value, SPAN("shallow"));
	if (!span_eq(key, SPAN("object-format"))) return;
	g->other_hashes = !span_eq(value, SPAN("sha1")) && !span_eq(value, SPAN("sha256"));
	g->hash_n = span_eq(value, SPAN("sha256")) ? 64 : 40;
}

static enum mg_code take_greeting(void *arg, enum pktline_kind kind, struct mg_span payload,
				  struct mg_err *err)
{
	struct greeting *g = arg;
	const struct mg_span line = pktline_line(payload);
	if (kind == PKTLINE_FLUSH && g->announced && !g->is_version2) {
		g->announced = false;
	} else if (kind == PKTLINE_FLUSH && g->is_version2 && !g->ended) {
		g->ended = true;
	} else if (kind != PKTLINE_DATA || g->ended || g->announced) {
		return senseless(err, "a packet that does not belong there");
	} else if (g->is_version2) {
		take_capability(g, line);
	} else if (span_eq(line, SPAN("version 2"))) {
		g->is_version2 = true;
	} else if (span_eq(line, SPAN("# service=git-upload-pack"))) {
		g->announced = true;
	} else {
		return senseless(err, "another version of the protocol");
	}
	return MG_OK;
}

size_t protocol2_greeting(struct mg_span answer)
{
	struct greeting g = { .hash_n = 40 };
	struct pktline p;
	pktline_init(&p, take_greeting, &g);
	const bool fine = pktline_feed(&p, answer, NULL) == MG_OK && pktline_is_between(&p) &&
			  g.ended && g.refs && g.shallow && !g.other_hashes;
	pktline_deinit(&p);
	return fine ? g.hash_n : 0;
}

/* ---- refs ---- */

/* Servers that know one kind of hash only may not know the word for it. */
static void put_command(struct mg_buf *out, const char *name, size_t hash_n)
{
	pktline_put(out, "command=%s", name);
	if (hash_n == 64) pktline_put(out, "object-format=sha256");
	pktline_put_delimiter(out);
}

void protocol2_ask_refs(struct mg_buf *out, size_t hash_n)
{
	put_command(out, "ls-refs", hash_n);
	pktline_put(out, "peel");
	pktline_put(out, "ref-prefix HEAD");
	pktline_put(out, "ref-prefix refs/heads/");
	pktline_put(out, "ref-prefix refs/tags/");
	pktline_put_flush(out);
}

static bool is_printable(struct mg_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) return false;
	return s.n > 0;
}

static void put_ref(struct mg_buf *out, struct mg_span hash, struct mg_span name, const char *mark)
{
	buf_append(out, hash);
	buf_append_char(out, '\t');
	buf_append(out, name);
	buf_append_str(out, mark);
	buf_append_char(out, '\n');
}

/* ref = hash SP name *(SP attribute); attribute = "peeled:" hash, or another. A HEAD that leads nowhere is
 * "unborn HEAD …". */
static enum mg_code take_ref(struct protocol2_refs *r, struct mg_span line, struct mg_err *err)
{
	struct mg_span rest = line, hash = span_cut(&rest, ' '), name = span_cut(&rest, ' ');
	if (span_eq(hash, SPAN("unborn"))) return MG_OK;
	if (span_eq(hash, SPAN("ERR"))) return says(err, span_from(line, 4));
	if (!is_hash(hash) || !is_printable(name) || span_has_suffix(name, SPAN("^{}")))
		return senseless(err, "no ref");
	put_ref(r->out, hash, name, "");
	while (rest.p != NULL) {
		struct mg_span attribute = span_cut(&rest, ' ');
		if (!cut_prefix(&attribute, SPAN("peeled:"))) continue;
		if (!is_hash(attribute)) return senseless(err, "a tag of no hash");
		put_ref(r->out, attribute, name, "^{}");
		break;
	}
	return buf_failed(r->out) ? senseless(err, "too many refs") : MG_OK;
}

enum mg_code protocol2_take_refs(void *refs, enum pktline_kind kind, struct mg_span payload,
				 struct mg_err *err)
{
	struct protocol2_refs *r = refs;
	if (r->ended || (kind != PKTLINE_DATA && kind != PKTLINE_FLUSH))
		return senseless(err, "a packet that does not belong there");
	r->ended = kind == PKTLINE_FLUSH;
	return r->ended ? MG_OK : take_ref(r, pktline_line(payload), err);
}

/* ---- a commit ---- */

static void put_each(struct mg_buf *out, const char *word, struct mg_span hashes)
{
	while (hashes.n > 0) {
		const struct mg_span hash = span_cut(&hashes, '\n');
		pktline_put(out, "%s %.*s", word, SPAN_ARG(hash));
	}
}

/* Those that are there are named twice: as what need not be sent, and as what has no history here. */
void protocol2_ask_commit(struct mg_buf *out, const struct protocol2_want *want)
{
	put_command(out, "fetch", want->commit.n);
	pktline_put(out, "thin-pack");
	pktline_put(out, "no-progress");
	pktline_put(out, "ofs-delta");
	put_each(out, "shallow", want->have);
	pktline_put(out, "deepen 1");
	pktline_put(out, "want %.*s", SPAN_ARG(want->commit));
	put_each(out, "have", want->have);
	pktline_put(out, "done");
	pktline_put_flush(out);
}

static enum mg_code take_heading(struct protocol2_pack *p, struct mg_span line, struct mg_err *err)
{
	if (span_eq(line, SPAN("shallow-info")))
		p->section = PROTOCOL2_SHALLOW;
	else if (span_eq(line, SPAN("packfile")))
		p->section = PROTOCOL2_PACK;
	else if (cut_prefix(&line, SPAN("ERR ")))
		return says(err, line);
	else
		return senseless(err, "a section that was not asked for");
	return MG_OK;
}

/* Of one commit no other can be the end of the history. */
static enum mg_code take_shallow(struct protocol2_pack *p, struct mg_span line, struct mg_err *err)
{
	if (!cut_prefix(&line, SPAN("shallow ")) || !span_eq(line, p->commit))
		return senseless(err, "another commit than was asked for");
	p->is_shallow = true;
	return MG_OK;
}

/* payload = band bytes; band 1 is the pack, 2 what people may like to read, 3 why it ends here. */
static enum mg_code take_band(struct protocol2_pack *p, struct mg_span payload, struct mg_err *err)
{
	const char band = payload.n > 0 ? payload.p[0] : 0;
	const struct mg_span bytes = span_from(payload, 1);
	if (band == 1) return bytes.n > 0 ? p->write(p->arg, bytes, err) : MG_OK;
	if (band == 2) return MG_OK;
	return band == 3 ? says(err, bytes) : senseless(err, "a band that there is not");
}

enum mg_code protocol2_take_pack(void *pack, enum pktline_kind kind, struct mg_span payload,
				 struct mg_err *err)
{
	struct protocol2_pack *p = pack;
	if (kind == PKTLINE_DELIMITER && p->section == PROTOCOL2_SHALLOW) {
		p->section = PROTOCOL2_HEADING;
		return MG_OK;
	}
	if (kind == PKTLINE_FLUSH && p->section == PROTOCOL2_PACK && !p->ended) {
		p->ended = true;
		return MG_OK;
	}
	if (kind != PKTLINE_DATA || p->ended)
		return senseless(err, "a packet that does not belong there");
	switch (p->section) {
	case PROTOCOL2_HEADING:
		return take_heading(p, pktline_line(payload), err);
	case PROTOCOL2_SHALLOW:
		return take_shallow(p, pktline_line(payload), err);
	case PROTOCOL2_PACK:
		break;
	}
	return take_band(p, payload, err);
}
