// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/url"
	"strings"
)

var proxySeeds = []string{
	"https://mirror.example,direct", "https://a.example/|https://b.example/p/", " https://a.example | direct ", "off", "direct",
	"mirror.example:8080/p", "http://127.0.0.1:3000", "http://[::1]:3000/x/", "http://[fe80::1%25en0]/", "http://h.example/p?x=1",
	"https://u:p%40w@h.example/p", "file:///srv/go", "file:/srv/go", "HTTPS://Mirror.Example", "http://[1:2:3:4:5:6:7:8]", "mirror", "/srv",
	"http://[::ffff:1.2.3.4]:80", "", "ftp://x.example",
}

var proxyPieces = []string{
	",", "|", ":", "/", "//", "://", ":/", "@", "?", "#", "%", "%41", "%zz", "[", "]", "::", ":1", ".", " ", "\t", "\x01", "\x7f", "a", "f", "0", "9", "g",
	"http", "https:", "file:", "direct", "off", "-", "+", "_", "\"", "<", "\\", "^", "u:p@", "\u00e9", "\u2003",
}

// proxyURL reports whether the go command takes s, which has a scheme or none, as a proxy.
func proxyURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return true
	case "file":
		return *u == url.URL{Scheme: "file", Path: u.Path, RawPath: u.RawPath}
	}
	return false
}

// proxies: "goproxy" value, is good, its entries as u, d or o, each with the separator that counts.
func proxies(w writer, s *source, scale int) {
	for range 80 * scale {
		value := s.mutate(s.pick(proxySeeds), proxyPieces)
		if s.chance(30) {
			value += s.pick([]string{",", "|"}) + s.mutate(s.pick(proxySeeds), proxyPieces)
		}
		var entries strings.Builder
		ok := true
		for rest := value; rest != "" && ok; {
			i := strings.IndexAny(rest, ",|")
			element, separator := rest, ","
			if i >= 0 {
				element, separator, rest = rest[:i], rest[i:i+1], rest[i+1:]
			} else {
				rest = ""
			}
			switch element = strings.TrimSpace(element); element {
			case "":
				continue
			case "off", "direct":
				entries.WriteString(element[:1] + ",")
				rest = ""
				continue
			}
			if strings.ContainsAny(element, ".:/") && !strings.Contains(element, ":/") && element[0] != '/' {
				element = "https://" + element
			}
			ok = proxyURL(element)
			entries.WriteString("u" + separator)
		}
		ok = ok && entries.Len() > 0
		w.vector("goproxy", value, bit(ok), entries.String())
	}
}
