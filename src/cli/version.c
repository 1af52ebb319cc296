/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/command.h"
#include "cli/libraries.h"

int command_version(char *const *args)
{
	printf("modgate %s\n", MODGATE_VERSION);
	libraries_print(stdout);
	return 0;
}
