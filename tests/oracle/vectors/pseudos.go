// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// pseudos: "pseudo" version, is one, base is legal, base, time is legal, seconds, rev;
// "pseudo_build" major, base, seconds, rev, pseudo-version.
func pseudos(w writer, s *source, scale int) {
	bases := []string{"v0.0.0-", "v2.0.0-", "v1.2.4-0.", "v1.2.3-pre.0.", "v1.2.3-a-b.c.0.", "v1.0.0-0.", "v1.2.100-0.",
		"v1.2.10000000000000000000000-0.", "v1.2.3-0.0.", "v1.0.1-", "v0.1.0-"}
	revs := []string{"daa7c04131f5", "000000000000", "x", "ABCDEF", "r123-", "a.b"}
	builds := []string{"", "", "", "+incompatible", "+meta.1"}
	for range 100 * scale {
		v := s.pick(bases) + stamp(s) + "-" + s.pick(revs) + s.pick(builds)
		if s.chance(40) {
			v = s.mutate(v, versionPieces)
		}
		base, err1 := module.PseudoVersionBase(v)
		at, err2 := module.PseudoVersionTime(v)
		rev, _ := module.PseudoVersionRev(v)
		seconds := ""
		if err2 == nil {
			seconds = strconv.FormatInt(at.Unix(), 10)
		}
		w.vector("pseudo", v, bit(module.IsPseudoVersion(v)), bit(err1 == nil), base, bit(err2 == nil), seconds, rev)
	}
	for range 50 * scale {
		older := s.mutate(s.pick(versionSeeds), versionPieces)
		major := s.pick([]string{"", "v0", "v1", "v2", "v10"})
		seconds := s.Int64N(4000000000)
		built := module.PseudoVersion(major, older, time.Unix(seconds, 0), "daa7c04131f5")
		if !semver.IsValid(older) && older != "" && s.chance(80) {
			continue
		}
		w.vector("pseudo_build", major, older, strconv.FormatInt(seconds, 10), "daa7c04131f5", built)
	}
}

// stamp is a time, or nearly one.
func stamp(s *source) string {
	if s.chance(50) {
		return time.Unix(s.Int64N(4000000000), 0).UTC().Format(module.PseudoVersionTimestampFormat)
	}
	return fmt.Sprintf("%04d%02d%02d%02d%02d%02d", s.IntN(10000), s.IntN(14), s.IntN(33), s.IntN(25), s.IntN(61), s.IntN(61))
}

// globs: "match" globs, path, answer.
func globs(w writer, s *source, scale int) {
	seeds := []string{"*.corp.example.com", "example.com/*", "example.com/priv", "a.com,example.com/x/", "*/*", "[a-f]x.com",
		"[^a-f]x.com", "ex?mple.com/*/y", "a*b*c", "\\*x", "*", ",,", "[\\]]", "github.com/org,*.internal", "*x*y"}
	pieces := []string{"*", "?", "[", "]", "^", "-", "\\", "/", ",", " ", "a", "b", "x", ".com", "[a-c]", "[^/]", "\xc3\xa9", "\xff", "**"}
	targets := []string{"git.corp.example.com/x", "example.com/a/b", "example.com/private", "example.com/priv/y", "ax.com",
		"example.com", "aXbYc/z", "*x", "]", "github.com/org/repo", "h\u00e9.com/x", "x/y/z"}
	for range 80 * scale {
		g, t := s.mutate(s.pick(seeds), pieces), s.mutate(s.pick(targets), pieces)
		if s.chance(20) {
			g = s.mutate(strings.ReplaceAll(t, ",", ""), pieces)
		}
		w.vector("match", g, t, bit(module.MatchPrefixPatterns(g, t)))
	}
}

// lists: "list" path, body, the versions a proxy should list.
func lists(w writer, s *source, scale int) {
	for range 20 * scale {
		path := s.pick([]string{"example.com/m", "example.com/m/v2", "gopkg.in/yaml.v1"})
		var body strings.Builder
		kept, any, words := map[string]bool{}, false, false
		for range s.IntN(30) {
			line := s.mutate(s.pick(versionSeeds), versionPieces) + s.pick([]string{"", "", "\r", " 2020-01-01T00:00:00Z", "\t x"})
			body.WriteString(line + "\n")
			f := strings.Fields(line)
			if len(f) == 0 {
				continue
			}
			words = true
			if !semver.IsValid(f[0]) {
				continue
			}
			any = true
			_, major, _ := module.SplitPathVersion(path)
			if module.CanonicalVersion(f[0]) == f[0] && !module.IsPseudoVersion(f[0]) && module.MatchPathMajor(f[0], major) {
				kept[f[0]] = true
			}
		}
		if words && !any {
			w.vector("list", path, body.String(), "0", "")
			continue
		}
		var list []string
		for v := range kept {
			list = append(list, v)
		}
		semver.Sort(list)
		w.vector("list", path, body.String(), "1", strings.Join(append(list, ""), "\n"))
	}
}
