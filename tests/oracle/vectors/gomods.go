// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

var gomodSeeds = []string{
	"module a.b/c\n\ngo 1.21\n\nrequire (\n\tx.y/z v1.2.3 // indirect\n\tq.r/s/v2 v2.0.0\n)\n",
	"// Deprecated: use x\nmodule \"a.b/c\" // y\n\nretract (\n\t// why\n\tv1.0.0\n\t[v1.1.0, v1.2.0] // and\n\n\tv1.3.0\n)\n",
	"module a\nexclude a.b/c v1.0.0\nreplace x => ../y\nreplace x v1 => z v1.2\ntool a/b\nignore ./x\ngodebug a=b\ntoolchain go1.21.0\n",
	"go 1.20-pre\nunknown x\nrequire ()\nretract [v1\n",
	"require ( // c\n// d\n\n a v1\n) // e\n",
	"module (\n\ta.b/c // Deprecated: no\n)\n",
	"x \"a\\\n\" // c\nretract v1 // d\n\"\\\n\" // e\n",
	"require a.b/c v1+meta // indirect; x\nrequire d v0.0.0-20191109021931-daa7c04131f5\n",
	"replace a => C:\\x\nreplace b => ..\\x\nreplace c v1.0.0 => d/v2 v2.0.0\n",
	"// one\n//\n// Deprecated:  two\n// three\n//\n// four\nmodule m // five\r\n",
	"// all\nretract (\n\tv1.0.0\n\t// x\n\t[v1,v2]\n\n\n\tv3 // y\n) // z\n",
	"replace (\n\ta => ./b\n\tc v1 => d v1\n)\nexclude (\n\te v1\n)\ntool (\n\tf\n)\ngodebug (\n\tg=h\n)\nignore (\n\t./i\n)\n",
	"module `a.b`\n", "module\t\"a\\x41\\101\\u00e9\"\n", "go v1.20.1\ntoolchain default\n", "",
}

var gomodPieces = []string{
	" ", "\t", "\n", "\r\n", "\r", "\n\n", "//", "// x", "//x\n", "// indirect", "// indirect; y", "// Deprecated: z", "/*", "(", ")", "()", "( )",
	" (\n", "\n)", "[", "]", ",", "{", "}", "=>", "=", "\"", "`", "'", "\\", "\\n", "\\x", "\\\n", "\"a\"", "`b`", "\"\\u00e9\"", "v1", "v1.2.3", "v2.0.0",
	"v2.0.0+incompatible", "1.21", "1.21.0", "1.20rc1", "v1.19.x", "go", "module", "require", "replace", "retract", "exclude", "tool", "ignore",
	"godebug", "toolchain", "go1.21", "default", "./x", "../y", "/z", "C:\\", "a.b/c", "a.b/c/v2", "\x00", "\xff", "\xc3\xa9", "\xe2\x80\x83", "\ufeff", "\u200b",
}

func put(b *strings.Builder, label, value string) {
	if value != "" {
		fmt.Fprintf(b, "%s=%s;", label, value)
	}
}

// describe writes all that modgate reads of a file.
func describe(f *modfile.File) string {
	var b strings.Builder
	if f.Module != nil {
		put(&b, "module", f.Module.Mod.Path)
		put(&b, "deprecated", f.Module.Deprecated)
	}
	if f.Go != nil {
		put(&b, "go", f.Go.Version)
	}
	if f.Toolchain != nil {
		put(&b, "toolchain", f.Toolchain.Name)
	}
	for _, r := range f.Require {
		fmt.Fprintf(&b, "require=%s %s %s;", r.Mod.Path, r.Mod.Version, bit(r.Indirect))
	}
	for _, x := range f.Exclude {
		fmt.Fprintf(&b, "exclude=%s %s;", x.Mod.Path, x.Mod.Version)
	}
	for _, r := range f.Replace {
		fmt.Fprintf(&b, "replace=%s %s=>%s %s;", r.Old.Path, r.Old.Version, r.New.Path, r.New.Version)
	}
	for _, r := range f.Retract {
		fmt.Fprintf(&b, "retract=%s..%s(%s);", r.Low, r.High, r.Rationale)
	}
	for _, t := range f.Tool {
		fmt.Fprintf(&b, "tool=%s;", t.Path)
	}
	for _, i := range f.Ignore {
		fmt.Fprintf(&b, "ignore=%s;", i.Path)
	}
	for _, g := range f.Godebug {
		fmt.Fprintf(&b, "godebug=%s=%s;", g.Key, g.Value)
	}
	return b.String()
}

// gomods: "gomod" file, lax is good, what it says, strict is good, what it says, path of the quick scan;
// "unquote" literal, is good, value.
func gomods(w writer, s *source, scale int) {
	for range 200 * scale {
		text := s.pick(gomodSeeds)
		if s.chance(40) {
			text += s.pick(gomodSeeds)
		}
		text = s.mutate(s.lines(text), gomodPieces)
		fields := []string{text}
		for _, parse := range []func(string, []byte, modfile.VersionFixer) (*modfile.File, error){modfile.ParseLax, modfile.Parse} {
			f, err := parse("go.mod", []byte(text), nil)
			if err != nil {
				fields = append(fields, "0", "")
			} else {
				fields = append(fields, "1", describe(f))
			}
		}
		w.vector("gomod", append(fields, modfile.ModulePath([]byte(text)))...)
	}
	literals := []string{`""`, `"a"`, "`a`", "`a\r`", `"\a\b\f\n\r\t\v\\\""`, `"\x41\101\u00e9\U0001F600"`, `"\xff"`, `"\400"`, `"\ud800"`, `"a`}
	pieces := []string{`"`, "`", `\`, `\x`, `\u`, `\U`, "0", "7", "8", "a", "F", "g", "\n", "\r", "\xff", "\xc3\xa9", "'", `\'`, `\"`}
	for range 50 * scale {
		text := s.mutate(s.pick(literals), pieces)
		value, err := strconv.Unquote(text)
		if strings.HasPrefix(text, "'") {
			continue // characters, of no use in a go.mod
		}
		w.vector("unquote", text, bit(err == nil), value)
	}
}
