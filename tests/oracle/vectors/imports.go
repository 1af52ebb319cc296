// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

var pageSeeds = []string{
	`<!DOCTYPE html>` + "\n" + `<html><head><meta charset="utf-8"><meta name="go-import" content="a.example/m git https://git.example/m"></head><body>x`,
	`<html><HEAD><META NAME=go-import CONTENT='a.example/m mod https://p.example'><meta name="go-import" content="a.example git https://git.example sub/dir"></HEAD>`,
	`<?xml version="1.0" encoding="ascii"?><!-- page --><head><title>A &amp; B</title><meta name="go-import" content="a.example/m&#x20;hg&#10;https://b" /><link rel=x href="/y">`,
	`<meta hidden content="a.example/m git https://c" name="go-import"><script>if (a && b) { c("d") }</script><meta name="go-import" content="a.example/m/v2 git https://d"><body/>`,
	`<![CDATA[ ]] > ]]><x:meta y:name="go-import" content="a.example svn https://e"></x:meta><meta name="go-source" content="a b c d"><head/>`,
	`<!DOCTYPE a [ <!ENTITY b "<c>"> <!-- d > --> ]><meta name="go-import" content="a.example/m git ssh://git@f/g"><a href=b.c></a>`,
}

var pagePieces = []string{
	"<", ">", "/", "</", "/>", "<!", "<!-", "<!--", "-->", "--", "<![CDATA[", "]]>", "]", "<?", "?>", "<?xml ", "encoding='", "utf-8", "latin1", "version=\"1.0\"", "1.1",
	"=", "'", "\"", "&", "&amp;", "&lt;", "&#", "&#x", "&#60;", "&#x1;", "&#xd800;", "&#x10ffff;", "&#99999999999999999999;", ";", "&nbsp;", "&\xc3\xa9;", "\n", "\r", "\r\n", "\t", " ",
	"\x00", "\x01", "\x7f", "\x80", "\xff", "\xe2\x80\x83", "\xc2\xa0", "\xc3\xa9", "\xcc\x81", "\xc2\xb7", "\xe4\xb8\x80", "\xf0\x9f\x98\x80", "\xef\xbf\xbe", ":", "::", "a:", "-", ".", "_", "0",
	"meta", "META ", "head", "HeAd>", "<body", "body", "name", "content", "name=go-import ", "go-import", "mod", "git", " git https://x ", "a.example", "a.example/m",
	`<meta name="go-import" content="a.example/m git https://x">`, `<meta name="go-import" content="a.example mod https://y s">`, "</head>", "<script>", "<\xc3\xa9>", "<p>", "k", "\xe2\x84\xaa",
}

type tag [4]string // prefix, system, URL, subdirectory

// charset accepts what needs no conversion.
func charset(name string, in io.Reader) (io.Reader, error) {
	if name = strings.ToLower(name); name == "utf-8" || name == "ascii" {
		return in, nil
	}
	return nil, fmt.Errorf("charset %s", name)
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// tags reads a page to the end of its head; false when a syntax error came before the first tag.
func tags(page string) (found []tag, ok bool) {
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.CharsetReader = false, charset
	for {
		token, err := d.RawToken()
		if err != nil {
			return found, err == io.EOF || len(found) > 0
		}
		switch e := token.(type) {
		case xml.EndElement:
			if strings.EqualFold(e.Name.Local, "head") {
				return found, true
			}
		case xml.StartElement:
			if strings.EqualFold(e.Name.Local, "body") {
				return found, true
			}
			fields := strings.Fields(attribute(e, "content"))
			if strings.EqualFold(e.Name.Local, "meta") && attribute(e, "name") == "go-import" && (len(fields) == 3 || len(fields) == 4) {
				found = append(found, tag(append(fields, "")[:4]))
			}
		}
	}
}

func hasPrefix(path, prefix string) bool {
	return path == prefix || prefix == "" || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

// choose gives the tag for path: module proxies stand before all others and hide those of their prefix.
func choose(all []tag, path string) (tag, bool) {
	isMod := func(t tag) bool { return t[1] == "mod" }
	ordered := slices.DeleteFunc(slices.Clone(all), func(t tag) bool { return !isMod(t) })
	for _, t := range all {
		hidden := slices.ContainsFunc(all, func(m tag) bool { return isMod(m) && m[0] == t[0] })
		if !isMod(t) && !hidden {
			ordered = append(ordered, t)
		}
	}
	ordered = slices.DeleteFunc(ordered, func(t tag) bool { return !hasPrefix(path, t[0]) })
	if len(ordered) == 0 || len(ordered) > 1 && isMod(ordered[0]) == isMod(ordered[1]) {
		return tag{}, false
	}
	return ordered[0], true
}

func tagText(all ...tag) string {
	var out strings.Builder
	for _, t := range all {
		out.WriteString(strings.Join(t[:], "\x00") + "\n")
	}
	return out.String()
}

// imports: "goimport" page, is read, its tags; "choose" page, path, is decided, the tag.
func imports(w writer, s *source, scale int) {
	paths := []string{"a.example/m", "a.example", "a.example/m/v2", "a.example/m/x", "a.example/mm", "b.example"}
	for range 400 * scale {
		page := s.mutate(s.pick(pageSeeds), pagePieces)
		if s.chance(30) {
			page = s.mutate(page, pagePieces)
		}
		if s.chance(20) {
			page += s.mutate(s.pick(pageSeeds), pagePieces)
		}
		found, ok := tags(page)
		w.vector("goimport", page, bit(ok), tagText(found...))
		path := s.pick(paths)
		one, ok := choose(found, path)
		w.vector("choose", page, path, bit(ok), tagText(one))
	}
}

var repoSeeds = []string{
	"github.com/u/r/v2", "github.com/u", "github.com/u/r.git", "bitbucket.org/u/r/x", "hub.jazz.net/git/u0/r", "git.apache.org/r.git/x", "git.openstack.org/a/b.git/c",
	"chiselapp.com/user/a/repository/b", "git.example/a/x.git/sub/v2", "git.example:8443/x.hg", "git.example/~u/x.svn", "a.example/m", "git.example/x.git.git/y.bzr",
	"git.example/a~b/c.d/x.git", "http:/x", "gopkg.in/yaml.v3",
}

var repoPieces = []string{
	"/", "//", ".", "..", "...", "~", "/~", "-", "_", ":", ":1", ":x", ".git", ".hg", ".svn", ".bzr", ".fossil", "/.git", ".gitx", "git", "a", "Z", "0", "github.com", "github.com/",
	"x.y/", "A.b/", " ", "\n", "\xc3\xa9", "+", "https:", "user", "/repository",
}

// The hosts whose layout is known: their prefix, the pattern of a root, what may follow, the system.
var hosts = []struct {
	prefix, system string
	pattern        *regexp.Regexp
	plain          bool // a root must not end in ".git" or the like
}{
	{"github.com", "git", regexp.MustCompile(`^(github\.com/[\w.\-]+/[\w.\-]+)(?:/[\w.\-]+)*$`), true},
	{"bitbucket.org", "git", regexp.MustCompile(`^(bitbucket\.org/[\w.\-]+/[\w.\-]+)(?:/[\w.\-]+)*$`), true},
	{"hub.jazz.net/git", "git", regexp.MustCompile(`^(hub\.jazz\.net/git/[a-z0-9]+/[\w.\-]+)(?:/[\w.\-]+)*$`), true},
	{"git.apache.org", "git", regexp.MustCompile(`^(git\.apache\.org/[a-z0-9_.\-]+\.git)(?:/[\w.\-]+)*$`), false},
	{"git.openstack.org", "git", regexp.MustCompile(`^(git\.openstack\.org/[\w.\-]+/[\w.\-]+)(?:\.git)?(?:/[\w.\-]+)*$`), false},
	{"chiselapp.com", "fossil", regexp.MustCompile(`^(chiselapp\.com/user/[A-Za-z0-9]+/repository/[\w.\-]+)$`), false},
}

var qualified = regexp.MustCompile(`((?:[a-z0-9.\-]+\.)+[a-z0-9.\-]+(?::[0-9]+)?(?:/~?[\w.\-]+)+?)\.(bzr|fossil|git|hg|svn)(?:/~?[\w.\-]+)*$`)
var suffix = regexp.MustCompile(`\.(?:bzr|fossil|git|hg|svn)$`)

// repository gives kind, root, repository and system of a path; false when it can have none.
func repository(path string) (string, bool) {
	if strings.HasPrefix(path, "http:") || strings.HasPrefix(path, "https:") {
		return "", false
	}
	for _, h := range hosts {
		if !hasPrefix(path, h.prefix) {
			continue
		}
		m := h.pattern.FindStringSubmatch(path)
		if m == nil || h.plain && suffix.MatchString(m[1]) {
			return "", false
		}
		return strings.Join([]string{"fixed", m[1], m[1], h.system}, " "), true
	}
	at := qualified.FindStringSubmatchIndex(path)
	if at == nil {
		return "ask   ", true
	}
	root, repo, system := path[at[0]:at[5]], path[at[2]:at[3]], path[at[4]:at[5]]
	return strings.Join([]string{"qualified", root, repo, system}, " "), at[0] == 0 // else the root is no prefix of the path
}

// repositories: "repopath" path, is possible, its description.
func repositories(w writer, s *source, scale int) {
	for range 150 * scale {
		path := s.mutate(s.pick(repoSeeds), repoPieces)
		answer, ok := repository(path)
		w.vector("repopath", path, bit(ok), answer)
	}
}

var policySeeds = []string{
	"", "github.com:git,*:off", "public:git|hg,private:all", "a.example/m:svn , *.example:git|fossil", "private:off", "all:all", "a.example:off,b.example:hg",
}

var policyPieces = []string{
	",", ":", "|", " ", "\t", "\xe2\x80\x83", "git", "hg", "svn", "all", "off", "public", "private", "a.example", "b.example/x", "*", "?", "[", "./", "../", ".", "..", "public:git", "x:git,", "/",
}

type rule struct{ pattern, systems string }

// policy reads a value of GOVCS; false when it is refused.
func policy(value string) (rules []rule, ok bool) {
	if value = strings.TrimSpace(value); value == "" {
		return nil, true
	}
	for _, item := range strings.Split(value, ",") {
		pattern, systems, found := strings.Cut(strings.TrimSpace(item), ":")
		pattern = strings.TrimSpace(pattern)
		twice := slices.ContainsFunc(rules, func(r rule) bool { return r.pattern == pattern })
		relative := pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../")
		if !found || pattern == "" || twice || relative {
			return nil, false
		}
		for _, system := range strings.Split(systems, "|") {
			if strings.TrimSpace(system) == "" {
				return nil, false
			}
		}
		rules = append(rules, rule{pattern, systems})
	}
	return rules, true
}

func allowed(rules []rule, root string, private bool, system string) bool {
	for _, r := range append(rules, rule{"private", "all"}, rule{"public", "git|hg"}) {
		fits := module.MatchPrefixPatterns(r.pattern, root)
		if r.pattern == "private" || r.pattern == "public" {
			fits = private == (r.pattern == "private")
		}
		if fits {
			return slices.ContainsFunc(strings.Split(r.systems, "|"), func(one string) bool {
				one = strings.TrimSpace(one)
				return one == "all" || one == system
			})
		}
	}
	return false
}

// policies: "govcs" value, root, is private, system, is accepted, is allowed.
func policies(w writer, s *source, scale int) {
	roots := []string{"a.example/m", "b.example/x/y", "github.com/u/r", "all", "public"}
	systems := []string{"git", "hg", "svn", "fossil"}
	for range 100 * scale {
		value := s.mutate(s.pick(policySeeds), policyPieces)
		root, private, system := s.pick(roots), s.chance(50), s.pick(systems)
		rules, ok := policy(value)
		w.vector("govcs", value, root, bit(private), system, bit(ok), bit(ok && allowed(rules, root, private, system)))
	}
}
