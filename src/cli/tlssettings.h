/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between the settings of TLS and the addresses to listen on. */
#ifndef CLI_TLSSETTINGS_H
#define CLI_TLSSETTINGS_H

#include "cli/draft.h"

/* ERROR notes for what does not fit together. The default addresses, when nobody named others, become
 * https ones where there is a certificate. */
void tlssettings_check(struct draft *d);

#endif
