/* SPDX-License-Identifier: Apache-2.0 */
#include "gomod/modfile.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void put(struct mg_buf *b, const char *label, struct mg_span s)
{
	if (s.n > 0) buf_printf(b, "%s=%.*s;", label, SPAN_ARG(s));
}

/* All that was read, in one line. */
static void describe(const struct modfile *f, struct mg_buf *b)
{
	put(b, "module", f->path);
	put(b, "deprecated", f->deprecated);
	put(b, "go", f->go);
	put(b, "toolchain", f->toolchain);
	for (size_t i = 0; i < f->requires; i++)
		buf_printf(b, "require=%.*s %.*s%s;", SPAN_ARG(f->require[i].module.path),
			   SPAN_ARG(f->require[i].module.version),
			   f->require[i].indirect ? " indirect" : "");
	for (size_t i = 0; i < f->excludes; i++)
		buf_printf(b, "exclude=%.*s %.*s;", SPAN_ARG(f->exclude[i].path),
			   SPAN_ARG(f->exclude[i].version));
	for (size_t i = 0; i < f->replaces; i++)
		buf_printf(b, "replace=%.*s %.*s=>%.*s %.*s;", SPAN_ARG(f->replace[i].old.path),
			   SPAN_ARG(f->replace[i].old.version), SPAN_ARG(f->replace[i].new.path),
			   SPAN_ARG(f->replace[i].new.version));
	for (size_t i = 0; i < f->retracts; i++)
		buf_printf(b, "retract=%.*s..%.*s(%.*s);", SPAN_ARG(f->retract[i].low),
			   SPAN_ARG(f->retract[i].high), SPAN_ARG(f->retract[i].rationale));
	for (size_t i = 0; i < f->tools; i++)
		put(b, "tool", f->tool[i]);
	for (size_t i = 0; i < f->ignores; i++)
		put(b, "ignore", f->ignore[i]);
	for (size_t i = 0; i < f->godebugs; i++)
		put(b, "godebug", f->godebug[i]);
}

/* NULL: the file must be refused. */
static void expect(struct mg_span file, enum modfile_mode mode, const char *want)
{
	struct arena a = ARENA_INIT;
	struct modfile f;
	struct mg_buf got = BUF_MAX(10000);
	struct mg_err err = { 0 };
	enum mg_code rc = modfile_parse(file, mode, &a, &f, &err);
	if (rc == MG_OK) describe(&f, &got);
	if ((rc == MG_OK) != (want != NULL) || !span_eq(buf_span(&got), span_of(want)))
		print_error("%.*s\n gave %s, %.*s\n", SPAN_ARG(file), err.text,
			    SPAN_ARG(buf_span(&got)));
	assert_int_equal(rc, want != NULL ? MG_OK : MG_INVALID);
	assert_true(span_eq(buf_span(&got), span_of(want)));
	if (rc != MG_OK) assert_true(span_has_prefix(span_of(err.text), SPAN("go.mod")));
	buf_deinit(&got);
	arena_deinit(&a);
}

static void both_modes(void **state)
{
	static const struct {
		const char *file, *strict, *lax;
	} rows[] = {
		{ "", "", "" },
		{ "module a.b/c\n\ngo 1.21\n", "module=a.b/c;go=1.21;", "module=a.b/c;go=1.21;" },
		{ "module a.b/c", "module=a.b/c;", "module=a.b/c;" },
		{ "module \"a.b/c\"\r\n", "module=a.b/c;", "module=a.b/c;" },
		{ "module `a.b/c`\n", NULL, NULL },
		{ "module 'a'\n", NULL, NULL },
		{ "module (\n\ta.b/c\n)\n", "module=a.b/c;", "module=a.b/c;" },
		{ "module a.b//c\n", "module=a.b;", "module=a.b;" },
		{ "module a\nmodule b\n", NULL, NULL },
		{ "module a b\n", NULL, NULL },
		{ "module\n", NULL, NULL },
		{ "go 1.20-pre\n", NULL, "go=1.20;" },
		{ "go v1.20.1\n", NULL, "go=1.20;" },
		{ "go 1.22rc1\n", "go=1.22rc1;", "go=1.22rc1;" },
		{ "go 1.21.0\n", "go=1.21.0;", "go=1.21.0;" },
		{ "go 1.21.01\n", NULL, "go=1.21;" },
		{ "go 1.21.\n", NULL, "go=1.21;" },
		{ "go 1.21rc\n", NULL, "go=1.21;" },
		{ "go 1.21.3x\n", NULL, "go=1.21;" },
		{ "go 1\n", NULL, NULL },
		{ "go 1.05\n", NULL, NULL },
		{ "go 01.5\n", NULL, NULL },
		{ "go v1.20\n", NULL, NULL },
		{ "go \"1.20\"\n", NULL, NULL },
		{ "go 1.20 x\n", NULL, NULL },
		{ "go 1.20\ngo 1.21\n", NULL, NULL },
		{ "go (\n\t1.20\n)\n", NULL, "" },
		{ "toolchain go1.21.3\n", "toolchain=go1.21.3;", "" },
		{ "toolchain default\n", "toolchain=default;", "" },
		{ "toolchain go1\n", "toolchain=go1;", "" },
		{ "toolchain go2\n", NULL, "" },
		{ "toolchain go1.1 x\n", NULL, "" },
		{ "toolchain go1\ntoolchain go1\n", NULL, "" },
		{ "require a.b/c v1\n", "require=a.b/c v1.0.0;", "require=a.b/c v1.0.0;" },
		{ "require a.b/c v1.2.3+meta // indirect\n", "require=a.b/c v1.2.3 indirect;",
		  "require=a.b/c v1.2.3 indirect;" },
		{ "require a.b/c v2.0.0+incompatible // indirect; why\n",
		  "require=a.b/c v2.0.0+incompatible indirect;",
		  "require=a.b/c v2.0.0+incompatible indirect;" },
		{ "require a v1.0.0 // indirect;\nrequire b v1.0.0 // indirect x\n"
		  "require c v1.0.0 //\tindirect\nrequire d v1.0.0 // Indirect\n",
		  "require=a v1.0.0;require=b v1.0.0;require=c v1.0.0 indirect;require=d v1.0.0;",
		  "require=a v1.0.0;require=b v1.0.0;require=c v1.0.0 indirect;require=d v1.0.0;" },
		{ "require (\n\ta v1.0.0\n\n\tb/v2 v2.1 // indirect\n) // x\n",
		  "require=a v1.0.0;require=b/v2 v2.1.0 indirect;",
		  "require=a v1.0.0;require=b/v2 v2.1.0 indirect;" },
		{ "require a.b/c v2.0.0\n", NULL, NULL },
		{ "require a.b/c/v1 v1.0.0\n", NULL, NULL },
		{ "require a.b/c main\n", NULL, NULL },
		{ "require a.b/c\n", NULL, NULL },
		{ "require a.b/c v1 v2\n", NULL, NULL },
		{ "require a.b/c \"v1.0.0\"\n", "require=a.b/c v1.0.0;", "require=a.b/c v1.0.0;" },
		{ "require a.b/c `v1`\n", NULL, NULL },
		{ "require \"a\\q\" v1\n", NULL, NULL },
		{ "require ( x v1 )\n", NULL, NULL },
		{ "require ()\n", "", "" },
		{ "require () // x\nmodule m\n", "module=m;", "module=m;" },
		{ "require ()x\n", NULL, NULL },
		{ "require (x)\n", NULL, NULL },
		{ "require\n(\n\ta v1\n)\n", NULL, NULL },
		{ "require (\n\ta v1 )\n)\n", NULL, NULL },
		{ "require (\n\ta v1\n) x\n", NULL, NULL },
		{ "require (\n\ta v1\n", NULL, NULL },
		{ "require ( // c\n// d\n\ta v1\n// e\n) // f\n", "require=a v1.0.0;",
		  "require=a v1.0.0;" },
		{ "exclude a.b/c v1.0.0\n", "exclude=a.b/c v1.0.0;", "" },
		{ "exclude a.b/c v2.0.0\n", NULL, "" },
		{ "replace a => ../b\n", "replace=a =>../b ;", "" },
		{ "replace a v1.0 => b v2\n", "replace=a v1.0.0=>b v2.0.0;", "" },
		{ "replace a => /x\nreplace b => .\nreplace c => ..\nreplace d => ./x\n",
		  "replace=a =>/x ;replace=b =>. ;replace=c =>.. ;replace=d =>./x ;", "" },
		{ "replace a => C:/x\n", "replace=a =>C:/x ;", "" },
		{ "replace a => ..\\x\n", NULL, "" },
		{ "replace a => \\x\n", NULL, "" },
		{ "replace a => b\n", NULL, "" },
		{ "replace a => b@v1\n", NULL, "" },
		{ "replace a => ./b v1\n", NULL, "" },
		{ "replace a b => c\n", NULL, "" },
		{ "replace a=>b v1\n", NULL, "" },
		{ "replace a/v2 v1 => b v1\n", NULL, "" },
		{ "replace a/v1 => b v1\n", NULL, "" },
		{ "replace a => b x\n", NULL, "" },
		{ "replace a v1 =>\n", NULL, "" },
		{ "replace a v1 => b v1 c\n", NULL, "" },
		{ "replace a v1 => `b` v1\n", NULL, "" },
		{ "replace `a` v1 => b v1\n", NULL, "" },
		{ "retract v1.0.0\n", "retract=v1.0.0..v1.0.0();", "retract=v1.0.0..v1.0.0();" },
		{ "retract [v1.0.0,v1.1.0] // bad\n", "retract=v1.0.0..v1.1.0(bad);",
		  "retract=v1.0.0..v1.1.0(bad);" },
		{ "retract [ v1 , v2 ]\n", "retract=v1..v2();", "retract=v1..v2();" },
		{ "retract [v1.0.0, v1.1.0\n", NULL, "" },
		{ "retract [v1.0.0 v1.1.0]\n", NULL, "" },
		{ "retract [v1.0.0, v1.1.0] x\n", NULL, "retract=v1.0.0..v1.1.0();" },
		{ "retract [`v1`, v2]\n", NULL, "" },
		{ "retract `v1`\n", NULL, "" },
		{ "retract v1.0.0 x\n", NULL, "retract=v1.0.0..v1.0.0();" },
		{ "retract\n", NULL, "" },
		{ "retract (x\n", NULL, "" },
		{ "tool a.b/c/cmd/x\n", "tool=a.b/c/cmd/x;", "" },
		{ "tool a b\n", NULL, "" },
		{ "tool `a`\n", NULL, "" },
		{ "godebug a=b\n", "godebug=a=b;", "" },
		{ "godebug (\n\ta=b\n\tc=d=e\n)\n", "godebug=a=b;godebug=c=d=e;", "" },
		{ "godebug a\n", NULL, "" },
		{ "godebug \"a=b\"\n", NULL, "" },
		{ "ignore ./x\n", "ignore=./x;", "ignore=./x;" },
		{ "unknown x\n", NULL, "" },
		{ "unknown (\n\tx\n)\n", NULL, "" },
		{ "require x (\n\tx\n)\n", NULL, "" },
		{ ")\n", NULL, "" },
		{ "module a /* x */\n", NULL, NULL },
		{ "/* x */\n", NULL, NULL },
		{ "module a/*x\n", NULL, NULL },
		{ "module \"a\n\"\n", NULL, NULL },
		{ "module \"a", NULL, NULL },
		{ "module `a", NULL, NULL },
		{ "module a\x01\n", NULL, NULL },
		{ "\xef\xbb\xbfmodule a\n", NULL, NULL },
		{ "module a\xc2\xa0\n", NULL, NULL },
		{ "module \xff\n", "module=\xff;", "module=\xff;" },
		{ "module h\xc3\xa9\n", "module=h\xc3\xa9;", "module=h\xc3\xa9;" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		expect(span_of(rows[i].file), MODFILE_STRICT, rows[i].strict);
		expect(span_of(rows[i].file), MODFILE_LAX, rows[i].lax);
	}
	expect(span_make("module a\0\n", 10), MODFILE_LAX, NULL);
}

static void comments(void **state)
{
	static const struct {
		const char *file, *want;
	} rows[] = {
		{ "// Deprecated: use x\nmodule a\n", "module=a;deprecated=use x;" },
		{ "// Deprecated: use x\n\nmodule a\n", "module=a;" },
		{ "module a // Deprecated: use x\n", "module=a;deprecated=use x;" },
		{ "// Hello\n//\n// Deprecated:  use x\n// or y\n//\n// Bye\nmodule a\n",
		  "module=a;deprecated=use x\nor y;" },
		{ "// Hello\n// Deprecated: use x\nmodule a\n", "module=a;" },
		{ "// Deprecated:\nmodule a\n", "module=a;" },
		{ "// Deprecated: a\n//\n// Deprecated: b\nmodule a\n", "module=a;deprecated=a;" },
		{ "// Deprecated: a\nmodule (\n\tm\n)\n", "module=m;deprecated=a;" },
		{ "// Deprecated: a\nmodule (\n\t// own\n\tm\n)\n", "module=m;" },
		{ "// why\nretract v1 // and\r\n", "retract=v1..v1(why\nand);" },
		{ "// all\nretract (\n\tv1\n\tv2 // two\n\n\tv3\n\tv4\n)\n",
		  "retract=v1..v1(all);retract=v2..v2(two);retract=v3..v3();retract=v4..v4(all);" },
		{ "// all\nretract (\n\n\tv1\n\t// x\n\n\n\tv2\n)\n",
		  "retract=v1..v1(all);retract=v2..v2(x);" },
		{ "retract v1\n// below\n", "retract=v1..v1();" },
		{ "//x\n//\xc2\xa0y \n//\nretract v1\n", "retract=v1..v1(x\ny\n);" },
		/* A string over two lines leaves the comment behind it to the line before. */
		{ "retract v1 // one\nunknown \"a\\\n\" // two\n", "retract=v1..v1(one\ntwo);" },
		{ "retract v1\n\n// cut\n\nunknown \"a\\\n\" // two\n", "retract=v1..v1();" },
		{ "retract v1\nx ()\nunknown \"a\\\n\" // two\n", "retract=v1..v1();" },
		{ "retract v1\nx (\n\"\\\n\" // a\n) // b\n", "retract=v1..v1();" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect(span_of(rows[i].file), MODFILE_LAX, rows[i].want);
}

static void bounds(void **state)
{
	struct mg_buf file = BUF_MAX(MODFILE_MAX + 2);
	char *p = buf_reserve(&file, MODFILE_MAX + 1);
	assert_non_null(p);
	memset(p, ' ', MODFILE_MAX + 1);
	expect(span_make(p, MODFILE_MAX), MODFILE_LAX, "");
	expect(span_make(p, MODFILE_MAX + 1), MODFILE_LAX, NULL);
	for (size_t i = 0; i < MODFILE_MAX; i += 2)
		memcpy(p + i, "x\n", 2);
	expect(span_make(p, 2 * 250000), MODFILE_LAX, "");
	expect(span_make(p, 2 * 250001), MODFILE_LAX, NULL);
	buf_deinit(&file);
}

static void quick_scan(void **state)
{
	static const struct {
		const char *file, *path;
	} rows[] = {
		{ "", "" },
		{ "module a.b/c", "a.b/c" },
		{ "\n// module x\n \tmodule\ta.b/c // y\r\n", "a.b/c" },
		{ "module \"a b\"\n", "a b" },
		{ "module `a b`\n", "a b" },
		{ "module \"a\nmodule b\n", "" },
		{ "module (\n\ta\n)\n", "(" },
		{ "module(\n\ta\n)\n", "" },
		{ "modulex a\nmodule b\n", "b" },
		{ "module\nmodule b\n", "b" },
		{ "module // x\nmodule b\n", "b" },
		{ "module a b\n", "a b" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mg_buf out = BUF_MAX(100);
		modfile_scan_path(span_of(rows[i].file), &out);
		assert_true(span_eq(buf_span(&out), span_of(rows[i].path)));
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_modes),
		cmocka_unit_test(comments),
		cmocka_unit_test(bounds),
		cmocka_unit_test(quick_scan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
