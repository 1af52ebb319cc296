/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <stdio.h>

#include "cli/settings.h"

static const char intro[] =
	"modgate stands between Go developers and the world: a module proxy that keeps what it "
	"served.\n"
	"\n"
	"  modgate serve                serve (--listen, --store, --config and the settings "
	"below)\n"
	"  modgate config check         say what is wrong with the settings\n"
	"  modgate config show          print every setting, its value and where it came from\n"
	"  modgate import DIR           take over a GOMODCACHE or an Athens disk store\n"
	"  modgate verify               check what is stored against its records and the checksum "
	"database\n"
	"                               (--repair: get what is damaged again)\n"
	"  modgate warm go.mod|go.sum|MODULE@VERSION…\n"
	"                               get modules before anybody asks for them\n"
	"  modgate reload               have the running server read its settings anew, and say "
	"how it "
	"went\n"
	"  modgate upgrade              have the binary that is installed now take its place, "
	"likewise\n"
	"  modgate sumdb acknowledge    trust a checksum database again after it showed two "
	"histories\n"
	"                               (--start-over: as if it had never been seen before)\n"
	"  modgate version              print the versions of modgate and its libraries\n"
	"\n"
	"A setting is a flag, or an environment variable, or a key in modgate.yaml (--config "
	"FILE), in\n"
	"this order; `list.fresh` is --list-fresh, MODGATE_LIST_FRESH, or `fresh` below `list`. "
	"The\n"
	"upstreams are those of the go command (GOPROXY) unless goproxy says otherwise.\n"
	"\n";

int command_help(char *const *args)
{
	struct mg_buf flag = BUF_MAX(128);

	fputs(intro, stdout);
	for (size_t i = 0; i < settings_count(); i++) {
		const struct settings_def *def = settings_def(i);
		buf_clear(&flag);
		settings_flag_name(def, &flag);
		printf("  %-30s %s%s%s%s\n", buf_cstr(&flag), def->help,
		       def->fallback && def->fallback[0] ? " (" : "",
		       def->fallback ? def->fallback : "",
		       def->fallback && def->fallback[0] ? ")" : "");
	}
	buf_deinit(&flag);
	return 0;
}
