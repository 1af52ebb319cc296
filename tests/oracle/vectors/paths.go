// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// runes: the Unicode tables, 4096 characters a vector. kind, first, flags (letter 1, print 2, space 4),
// little-endian folded forms.
func runes(w writer, _ *source, _ int) {
	const step = 0x1000
	for first := rune(0); first <= unicode.MaxRune; first += step {
		var flags, folds []byte
		for r := first; r < first+step; r++ {
			var f byte
			if unicode.IsLetter(r) {
				f |= 1
			}
			if unicode.IsPrint(r) {
				f |= 2
			}
			if unicode.IsSpace(r) {
				f |= 4
			}
			flags = append(flags, f)
			folds = binary.LittleEndian.AppendUint32(folds, uint32(fold(r)))
		}
		w.vector("runes", strconv.Itoa(int(first)), string(flags), string(folds))
	}
}

// fold is the smallest rune of r's orbit, a capital ASCII letter as a small one.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

var pathSeeds = []string{
	"example.com", "example.com/m", "github.com/Azure/azure-sdk-for-go", "example.com/m/v2", "example.com/v2",
	"example.com/m/v1", "example.com/m/v0", "example.com/m/v02", "example.com/m/v2.0", "example.com/m/v10",
	"gopkg.in/yaml.v3", "gopkg.in/yaml.v2-unstable", "gopkg.in/check.v1", "gopkg.in/x.v0", "gopkg.in/a/b.v12",
	"1.2.3.4/x", "example.com/a~b", "example.com/a~1", "example.com/x/aux.go", "example.com/nul", "a.b/COM1/x.y",
	"example.com/h\u00e9llo", "example.com/.x/y", "example.com/x+y", "example.com/x y", "exa_mple.com/Q", "",
	"fmt", "net/http", "a/b/c.go", ".gitattributes", "LPT9.txt", "a/../b", "v2.0.0+incompatible", "feature/x",
	"\u4e2d\u6587/\u0627", "e\u0301", "\u212a", "-x/y", "HEAD", "v1.2.1-RC1", "master", "abcdef012345",
}

var pathPieces = []string{
	"/", ".", "..", "-", "~", "~1", "_", "+", "!", "@", " ", "A", "Z", "a", "z", "0", "1", "9", "v", "/v", "/v1", "/v2",
	".v", ".v1", ".v2", "-unstable", "gopkg.in/", "con", "PRN", "aux", "nul", "com1", "lpt0", "%", "%21", "!a", "!A",
	"\\", ":", "*", "?", "\"", "'", "`", "|", "<", ";", "\n", "\x00", "\x7f", "\xff", "\xc3", "\u00e9", "\u0301", "\u0660",
	"\u2003", "\u212a", "\ufffd", "\U0001f600", "\U00010400", ",", "=", "#", "$", "&", "(", "[", "{", "^", "//", "ss",
}

func paths(w writer, s *source, scale int) {
	next := func() string { return s.mutate(s.pick(pathSeeds), pathPieces) }
	each := func(n int, f func()) {
		for range n * scale / 100 {
			f()
		}
	}
	each(8000, func() { p := next(); w.vector("check_module", p, bit(module.CheckPath(p) == nil)) })
	each(4000, func() { p := next(); w.vector("check_import", p, bit(module.CheckImportPath(p) == nil)) })
	each(10000, func() { p := next(); w.vector("check_file", p, bit(module.CheckFilePath(p) == nil)) })
	each(8000, func() {
		p := next()
		prefix, major, ok := module.SplitPathVersion(p)
		w.vector("split", p, bit(ok), prefix, major)
	})
	each(6000, func() { p := next(); e, err := module.EscapePath(p); w.vector("escape", p, bit(err == nil), e) })
	each(6000, func() {
		e := s.mutate(strings.ToLower(s.pick(pathSeeds)), pathPieces)
		p, err := module.UnescapePath(e)
		w.vector("unescape", e, bit(err == nil), p)
	})
	each(5000, func() { v := next(); e, err := module.EscapeVersion(v); w.vector("escape_rev", v, bit(err == nil), e) })
	each(5000, func() {
		e := s.mutate(strings.ToLower(s.pick(pathSeeds)), pathPieces)
		v, err := module.UnescapeVersion(e)
		w.vector("unescape_rev", e, bit(err == nil), v)
	})
	each(4000, func() {
		p, v := next(), s.mutate(s.pick(versionSeeds), versionPieces)
		ok := module.Check(p, v) == nil && module.CanonicalVersion(v) == v
		w.vector("check_version", p, v, bit(ok))
	})
	each(5000, func() {
		major := s.pick([]string{"", "/v2", "/v3", "/v10", ".v0", ".v1", ".v2", ".v3-unstable", ".v1-unstable"})
		v := s.mutate(s.pick(versionSeeds), versionPieces)
		w.vector("fits", v, major, bit(module.MatchPathMajor(v, major)))
	})
	each(4000, func() {
		a, b := next(), next()
		if s.chance(50) {
			b = s.mutate(refold(s, a), []string{"k", "K", "\u212a", "s", "\u017f", "\u00df", "\u1e9e"})
		}
		w.vector("fold", a, b, bit(strings.EqualFold(a, b)))
	})
	each(3000, func() { targetURL(w, s, next()) })
}

// refold replaces some runes by others of their orbits.
func refold(s *source, text string) string {
	return strings.Map(func(r rune) rune {
		for range s.IntN(4) {
			r = unicode.SimpleFold(r)
		}
		return r
	}, text)
}

// targetURL: kind, path, version, the path of the URL that the go command asks, or nothing.
func targetURL(w writer, s *source, path string) {
	version := s.mutate(s.pick(versionSeeds), append(versionPieces, pathPieces...))
	epath, err1 := module.EscapePath(path)
	eversion, err2 := module.EscapeVersion(version)
	if err1 != nil || err2 != nil {
		w.vector("url", path, version, "")
		return
	}
	escape := func(p string) string { return strings.ReplaceAll(url.PathEscape(p), "%2F", "/") }
	w.vector("url", path, version, escape(epath)+"/"+escape("@v/"+eversion+".info"))
}

var versionSeeds = []string{
	"v1", "v1.2", "v1.2.3", "v0.0.0", "v2.0.0+incompatible", "v1.2.3-pre", "v1.2.3-rc.1", "v1.2.3-rc.1.2+meta",
	"v1.2.3+meta.01", "v1.0.0-alpha.beta", "v1.0.0-0.3.7", "v10.20.30", "v999999999999999999999.0.0",
	"v1.2.3-01", "v01.2.3", "v1.2.3-", "v1.2.3+", "junk", "", "v1.2.3-a..b", "v1.0.0-x-y-z.--", "v0.0.0-x",
	"v0.0.0-20191109021931-daa7c04131f5", "v1.2.4-0.20191109021931-daa7c04131f5",
	"v2.0.1-0.20191109021931-daa7c04131f5+incompatible", "v1.2.3-pre.0.20191109021931-daa7c04131f5",
}

var versionPieces = []string{
	".", "-", "+", "v", "0", "1", "9", "10", "99", "00", "a", "A", "-0", ".0", "-0.", "+incompatible", "+meta",
	"-rc.1", "20191109021931", "-20191109021931", "-daa7c04131f5", "_", "~", "\xc3\xa9", " ", "99999999999999999999",
}

func versions(w writer, s *source, scale int) {
	next := func() string { return s.mutate(s.pick(versionSeeds), versionPieces) }
	for range 100 * scale {
		v := next()
		w.vector("version", v, bit(semver.IsValid(v)), module.CanonicalVersion(v), semver.Major(v),
			bit(semver.Prerelease(v) != ""), bit(semver.Build(v) == "+incompatible"))
	}
	for range 150 * scale {
		a, b := next(), next()
		if s.chance(30) {
			b = s.mutate(a, versionPieces)
		}
		w.vector("compare", a, b, strconv.Itoa(semver.Compare(a, b)))
	}
	for range 5 * scale {
		var list []string
		for range s.IntN(40) {
			list = append(list, next())
		}
		unsorted := strings.Join(list, "\n")
		semver.Sort(list)
		w.vector("sort", unsorted, strings.Join(list, "\n"))
	}
}
