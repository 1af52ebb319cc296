/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. args: what follows the subcommand's name, NULL-terminated. They print for people and
 * return exit codes: 0 done, 1 not, 2 called wrongly. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

int command_serve(char *const *args);
int command_config(char *const *args);
int command_import(char *const *args);
int command_verify(char *const *args);
int command_warm(char *const *args);
int command_refresh(char *const *args);
int command_reload(char *const *args);
int command_upgrade(char *const *args);
int command_sumdb(char *const *args);
int command_version(char *const *args);
int command_help(char *const *args);

#endif
