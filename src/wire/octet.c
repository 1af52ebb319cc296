/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/octet.h"

/* Ranges as the grammars name them; the characters that several classes share are spelled out once. */
#define V OCTET_VALUE
#define G (OCTET_VALUE | OCTET_TARGET | OCTET_PATH) /* visible, and nothing more */
#define T (G | OCTET_TCHAR)
#define A (T | OCTET_HOST)
#define D (A | OCTET_DIGIT)
#define Q (OCTET_VALUE | OCTET_TARGET) /* '?' */
#define H (OCTET_VALUE | OCTET_TCHAR)  /* '#' */

/* clang-format off */
const uint8_t octet_classes[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0, /* control */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	V, T, G, H, T, T, T, T, G, G, T, T, G, A, A, G, /* SP ! " # $ % & ' ( ) * + , - . / */
	D, D, D, D, D, D, D, D, D, D, G, G, G, G, G, Q, /* 0-9 : ; < = > ? */
	G, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /* @ A-O */
	A, A, A, A, A, A, A, A, A, A, A, G, G, G, T, A, /* P-Z [ \ ] ^ _ */
	T, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /* ` a-o */
	A, A, A, A, A, A, A, A, A, A, A, G, T, G, T, 0, /* p-z { | } ~ DEL */
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, /* obs-text */
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
