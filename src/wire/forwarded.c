/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/forwarded.h"

#include "wire/octet.h"

/* IPv4 [ ":" port ] / IPv6 / "[" IPv6 "]" [ ":" port ]. Some proxies write ports. */
static bool parse_node(struct mg_span s, struct iptext *out)
{
	struct mg_span port = { 0 };

	if (s.n > 0 && s.p[0] == '[') {
		const ptrdiff_t end = span_index(s, ']');
		if (end < 0) return false;
		port = span_from(s, (size_t)end + 1);
		if (!iptext_parse6(span_from(span_first(s, (size_t)end), 1), out)) return false;
		if (port.n == 0) return true;
		if (port.p[0] != ':') return false;
		port = span_from(port, 1);
	} else {
		if (iptext_parse(s, out)) return true;
		port = s;
		const struct mg_span ip = span_cut(&port, ':');
		if (port.p == NULL || !iptext_parse4(ip, out)) return false;
	}
	uint64_t number;
	return port.n <= 5 && span_u64(port, 65535, &number);
}

/* Does an odd number of backslashes stand before it? */
static bool is_escaped(struct mg_span s, size_t at)
{
	size_t n = 0;

	while (n < at && s.p[at - 1 - n] == '\\')
		n++;
	return n % 2 != 0;
}

/* The last element of a list, cut off; what stands in quotes does not part. Looked for from the end, which a
 * trusted proxy wrote: a quote that a client has left open before it must not swallow what the proxy says. False:
 * nothing is left, or nothing that makes sense. */
static bool cut_last(struct mg_span *list, bool quotes, struct mg_span *out)
{
	bool quoted = false;
	size_t from = list->n;

	if (list->p == NULL) return false;
	for (; from > 0; from--) {
		const char c = list->p[from - 1];
		if (quotes && c == '"' && !(quoted && is_escaped(*list, from - 1)))
			quoted = !quoted;
		else if (c == ',' && !quoted)
			break;
	}
	*out = span_trim(span_from(*list, from));
	if (from == 0)
		*list = (struct mg_span){ 0 };
	else
		*list = span_first(*list, from - 1);
	return !quoted;
}

/* Up to the next ";" that is in no quotes. */
static struct mg_span cut_pair(struct mg_span *element)
{
	bool quoted = false;
	size_t n = 0;

	for (; n < element->n && (quoted || element->p[n] != ';'); n++) {
		if (quoted && element->p[n] == '\\')
			n++;
		else if (element->p[n] == '"')
			quoted = !quoted;
	}
	const struct mg_span pair = span_first(*element, n);
	*element = n < element->n ? span_from(*element, n + 1) : (struct mg_span){ 0 };
	return pair;
}

/* forwarded-pair = token "=" ( token / quoted-string ), with ";" between them (RFC 7239 §4): the node of
 * "for". Nodes have no use for escapes. */
static bool node_of(struct mg_span element, struct mg_span *out)
{
	while (element.p != NULL) {
		struct mg_span value = span_trim(cut_pair(&element));
		const struct mg_span name = span_cut(&value, '=');
		if (!span_eq_nocase(name, SPAN("for")) || value.p == NULL) continue;
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = span_from(span_first(value, value.n - 1), 1);
		*out = value;
		return true;
	}
	return false;
}

/* Of a list of which each step costs a look at all of it. */
#define HOPS_MAX 16

static bool walk(struct mg_span list, bool rfc7239, const struct iptext_net *trusted, size_t n,
		 struct iptext *out)
{
	struct mg_span element;
	bool found = false;

	for (int hop = 0; hop < HOPS_MAX && cut_last(&list, rfc7239, &element); hop++) {
		struct iptext next;
		if (element.n == 0) continue; /* RFC 9110 §5.6.1.2 */
		if (rfc7239 && !node_of(element, &element)) break;
		if (!parse_node(element, &next)) break;
		*out = next;
		found = true;
		if (!iptext_net_has(trusted, n, next.ip)) break;
	}
	return found;
}

bool forwarded_for(struct mg_span x_forwarded_for, const struct iptext_net *trusted, size_t n,
		   struct iptext *out)
{
	return walk(x_forwarded_for, false, trusted, n, out);
}

bool forwarded_rfc7239(struct mg_span forwarded, const struct iptext_net *trusted, size_t n,
		       struct iptext *out)
{
	return walk(forwarded, true, trusted, n, out);
}
