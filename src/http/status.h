/* SPDX-License-Identifier: Apache-2.0 */
/* Reason phrases (RFC 9110 §15). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

/* "OK" for 200 and so on; "Status" for codes nobody here sends. Static. */
const char *status_phrase(int status);

#endif
