// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

var treeFolders = []string{
	"", "", "", "", "a/", "a/b/", "A/", "vendor/", "vendor/x/", "p/vendor/", "p/vendor/x/", "p/vendor/vendor/", "xvendor/", "vendor/vendor/",
	"m/", "m/n/", "m/vendor/x/", "n-m/", ".git/", "go.mod/", "\u212a/", "k/",
}

var treeNames = []string{
	"go.mod", "go.mod", "GO.MOD", "Go.mod", "a.go", "b.go", "B.go", "c.txt", "LICENSE", "License", "modules.txt", ".hg_archival.txt", "vendor", "a", "A",
	".gitattributes", "h\u00e9.go", "e\u0301", "aux.go", "x y", "m", "m.go", "\u212a", "\u00df", "\u1e9e",
}

var goReleases = []string{
	"1.24", "1.23", "1.24.0", "1.24rc1", "1.23.9", "1.25", "2.0", "1.3", "1.100", "0.99", "1.24.1rc1", "v1.24", "1.24.x", "1", "1.024", "1.24x", "1.23-go1.24",
	"99999999999999999999.1", "1.99999999999999999999",
}

// node is what a tree holds: a file of a size, made of pattern again and again, or a symbolic link.
type node struct {
	path    string
	link    bool
	pattern string
	size    int
}

func (n node) Path() string                { return n.path }
func (n node) Lstat() (fs.FileInfo, error) { return info{n}, nil }
func (n node) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(n.content())), nil
}

func (n node) content() string {
	if n.size == 0 {
		return ""
	}
	return strings.Repeat(n.pattern, n.size/len(n.pattern)+1)[:n.size]
}

type info struct{ node }

func (i info) Name() string       { return path.Base(i.path) }
func (i info) Size() int64        { return int64(i.size) }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.link {
		return 0o777 | fs.ModeSymlink
	}
	return 0o644
}

func grow(s *source) []node {
	var nodes []node
	if s.chance(70) {
		text := s.pick(gomodSeeds)
		if s.chance(70) {
			text = "module example.com/m\n\ngo " + s.mutate(s.pick(goReleases), []string{"1", "2", "4", ".", "rc", "v", "-"}) + "\n"
		}
		nodes = append(nodes, node{"go.mod", s.chance(3), text, len(text)})
	}
	for range s.IntN(10) {
		n := node{s.pick(treeFolders) + s.pick(treeNames), s.chance(10), s.pick(gomodSeeds[:5]), s.IntN(100)}
		if s.chance(6) {
			n.path = s.mutate(n.path, pathPieces)
		}
		if s.chance(1) {
			n.size = s.IntN(1 << 20)
		}
		nodes = append(nodes, n)
	}
	if s.IntN(2000) == 0 {
		nodes = append(nodes, node{"LICENSE", false, "text of a license", 16<<20 + s.IntN(2)})
	}
	return nodes
}

// hash is the h1: of the zip that the go command makes of nodes; empty when it makes none.
func hash(m module.Version, nodes []node) string {
	var files []modzip.File
	for _, n := range nodes {
		files = append(files, n)
	}
	var b bytes.Buffer
	if modzip.Create(&b, m, files) != nil {
		return ""
	}
	zr, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		panic(err)
	}
	var names []string
	entries := map[string]*zip.File{}
	for _, f := range zr.File {
		names = append(names, f.Name)
		entries[f.Name] = f
	}
	h1, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return entries[name].Open() })
	if err != nil {
		panic(err)
	}
	return h1
}

// trees: "tree" path, version, nodes (path, pattern, each behind its 32-bit length; 32-bit size; 1 for a
// symbolic link), a zip can be made, its h1.
func trees(w writer, s *source, scale int) {
	for range 100 * scale {
		m := module.Version{Path: "example.com/m", Version: "v1.0.0"}
		if s.chance(2) {
			m.Version = s.pick([]string{"v2.0.0", "v2.0.0+incompatible", "v1.0", "v1.0.0+meta"})
		}
		nodes := grow(s)
		var packed []byte
		for _, n := range nodes {
			le := binary.LittleEndian
			packed = append(le.AppendUint32(packed, uint32(len(n.path))), n.path...)
			packed = append(le.AppendUint32(packed, uint32(len(n.pattern))), n.pattern...)
			packed = append(le.AppendUint32(packed, uint32(n.size)), bit(n.link)...)
		}
		h1 := hash(m, nodes)
		w.vector("tree", m.Path, m.Version, string(packed), bit(h1 != ""), h1)
	}
}
