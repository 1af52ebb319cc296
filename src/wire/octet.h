/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of bytes in the grammars of HTTP, one look-up each. */
#ifndef WIRE_OCTET_H
#define WIRE_OCTET_H

#include <stdbool.h>
#include <stdint.h>

#define OCTET_TCHAR  1u  /* token characters, RFC 9110 §5.6.2 */
#define OCTET_PATH   2u  /* of a request target before '?': VCHAR without '#' and '?' */
#define OCTET_TARGET 4u  /* of a request target: VCHAR without '#' */
#define OCTET_HOST   8u  /* of a host name: ALPHA DIGIT '-' '.' '_' */
#define OCTET_VALUE  16u /* of a field value: HTAB SP VCHAR obs-text, RFC 9110 §5.5 */
#define OCTET_DIGIT  32u

extern const uint8_t octet_classes[256];

static inline bool octet_is(char c, unsigned classes)
{
	return (octet_classes[(unsigned char)c] & classes) != 0;
}

#endif
