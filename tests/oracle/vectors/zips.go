// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

var zipNames = []string{
	"go.mod", "LICENSE", "README.md", "a.go", "b/c.go", "b/d.go", "B/c.go", "A.go", "readme.md", "b", "b/", "", "sub/go.mod", "Go.mod",
	"sub/GO.MOD", "vendor/x/y.go", ".git/config", "d/", "d/e/", "D/", "h\u00e9.go", "e\u0301.go", "\u212a", "k", "aux.go", "x./y", "../z",
	"a\\b", "a//b", "/a", "a b", "x'y", "s", "\u017f", "\u00df", "\u1e9e", "ss", "a\nb", "\xff", "d/LICENSE", "go.mod/x",
}

// made is how one entry of a generated zip is written.
type made struct {
	name    string
	content []byte
	stream  bool // sizes behind the data
	method  uint16
	zip64   bool
}

// build writes entries by hand where archive/zip could not write them so.
func build(s *source, prefix string) []byte {
	var b bytes.Buffer
	if s.chance(10) {
		b.WriteString("#!/bin/sh\n")
	}
	start := b.Len()
	zw := zip.NewWriter(&b)
	if s.chance(50) {
		zw.SetOffset(int64(start))
	}
	n := s.IntN(6)
	for i := range n {
		m := made{name: s.pick(zipNames), method: zip.Deflate, stream: s.chance(50)}
		if i == 0 && s.chance(60) {
			m.name = "go.mod"
		}
		p := prefix
		if s.chance(2) {
			p = s.mutate(prefix, pathPieces)
		}
		if !strings.HasSuffix(m.name, "/") && m.name != "" || s.chance(1) {
			m.content = []byte(strings.Repeat(s.pick(gomodSeeds), s.IntN(4)))
			if s.chance(2) {
				m.content = bytes.Repeat([]byte{byte(s.IntN(256))}, 200000+s.IntN(100000))
			}
		}
		if s.chance(40) {
			m.method = zip.Store
		}
		m.write(s, zw, p)
	}
	if s.chance(10) {
		zw.SetComment(s.pick([]string{"c", "PK\x05\x06", "PK\x05\x06" + strings.Repeat("x", 30), strings.Repeat("c", 2000)}))
	}
	if err := zw.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (m made) write(s *source, zw *zip.Writer, prefix string) {
	h := &zip.FileHeader{Name: prefix + m.name, Method: m.method}
	if m.stream {
		w, err := zw.CreateHeader(h)
		if err != nil {
			return // a directory with content
		}
		w.Write(m.content)
		return
	}
	packed := m.content
	if m.method == zip.Deflate {
		packed = deflate(m.content)
	}
	h.CRC32 = crc32.ChecksumIEEE(m.content)
	h.UncompressedSize64 = uint64(len(m.content))
	h.CompressedSize64 = uint64(len(packed))
	if s.chance(5) {
		h.CRC32 = 0
	}
	if s.chance(2) {
		h.Method = uint16(s.IntN(20))
	}
	if w, err := zw.CreateRaw(h); err == nil {
		w.Write(packed)
	}
}

func deflate(content []byte) []byte {
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	w, _ := zw.CreateHeader(&zip.FileHeader{Name: "x", Method: zip.Deflate})
	w.Write(content)
	zw.Close()
	zr, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		panic(err)
	}
	r, _ := zr.File[0].OpenRaw()
	packed, _ := io.ReadAll(r)
	return packed
}

// widen gives the first directory entry a Zip64 field, and the end a Zip64 record.
func widen(s *source, b []byte) []byte {
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	if end < 0 || len(b) < end+22 {
		return b
	}
	size := binary.LittleEndian.Uint32(b[end+12:])
	offset := binary.LittleEndian.Uint32(b[end+16:])
	records := binary.LittleEndian.Uint16(b[end+10:])
	if uint64(size) > uint64(end) {
		return b
	}
	dir := append([]byte(nil), b[end-int(size):end]...)
	if len(dir) > 46 && bytes.HasPrefix(dir, []byte("PK\x01\x02")) {
		le := binary.LittleEndian
		name, extra := int(le.Uint16(dir[28:])), int(le.Uint16(dir[30:]))
		field := le.AppendUint16(nil, 1)
		var values []byte
		if s.chance(70) {
			values = le.AppendUint64(values, uint64(le.Uint32(dir[24:])))
			le.PutUint32(dir[24:], ^uint32(0))
		}
		if s.chance(70) {
			values = le.AppendUint64(values, uint64(le.Uint32(dir[20:])))
			le.PutUint32(dir[20:], ^uint32(0))
		}
		if s.chance(70) {
			values = le.AppendUint64(values, uint64(le.Uint32(dir[42:])))
			le.PutUint32(dir[42:], ^uint32(0))
		}
		if s.chance(10) && len(values) > 0 {
			values = values[:s.IntN(len(values))]
		}
		field = append(le.AppendUint16(field, uint16(len(values))), values...)
		le.PutUint16(dir[30:], uint16(extra+len(field)))
		if len(dir) >= 46+name {
			dir = append(dir[:46+name:46+name], append(field, dir[46+name:]...)...)
		}
	}
	le := binary.LittleEndian
	out := append([]byte(nil), b[:end-int(size)]...)
	out = append(out, dir...)
	at64 := len(out)
	out = append(out, "PK\x06\x06"...)
	out = le.AppendUint64(out, 44)
	out = append(out, make([]byte, 12)...)
	out = le.AppendUint64(out, uint64(records))
	out = le.AppendUint64(out, uint64(records))
	out = le.AppendUint64(out, uint64(len(dir)))
	out = le.AppendUint64(out, uint64(offset))
	out = append(out, "PK\x06\x07\x00\x00\x00\x00"...)
	out = le.AppendUint64(out, uint64(at64))
	out = le.AppendUint32(out, 1)
	last := append([]byte(nil), b[end:]...)
	if s.chance(70) {
		le.PutUint16(last[10:], 0xffff)
	} else {
		le.PutUint32(last[16:], ^uint32(0))
	}
	return append(out, last...)
}

// damage changes a field of a header, a byte, or the length.
func damage(s *source, b []byte) []byte {
	b = append([]byte(nil), b...)
	for range 1 + s.IntN(2) {
		if len(b) == 0 {
			return b
		}
		switch s.IntN(8) {
		case 0:
			b[s.IntN(len(b))] ^= 1 << s.IntN(8)
		case 1:
			at := s.IntN(len(b))
			b = append(b[:at:at], b[min(len(b), at+s.IntN(30)):]...)
		case 2:
			at := s.IntN(len(b))
			b = append(b[:at:at], append(bytes.Repeat([]byte{byte(s.IntN(256))}, s.IntN(30)), b[at:]...)...)
		default:
			field(s, b)
		}
	}
	return b
}

// field changes one field of one record.
func field(s *source, b []byte) {
	records := []struct {
		signature string
		fields    []int // offset*10 + size
	}{
		{"PK\x01\x02", []int{82, 102, 164, 204, 244, 282, 302, 322, 424}},
		{"PK\x03\x04", []int{4, 62, 82, 144, 184, 224, 262, 282}},
		{"PK\x05\x06", []int{82, 102, 124, 164, 202}},
		{"PK\x06\x06", []int{328, 408, 488}},
		{"PK\x06\x07", []int{44, 88, 164}},
		{"PK\x07\x08", []int{4, 44, 84}},
	}
	r := records[s.IntN(len(records))]
	var places []int
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(r.signature))
		if i < 0 {
			break
		}
		places = append(places, at+i)
		at += i + 4
	}
	if len(places) == 0 {
		return
	}
	f := r.fields[s.IntN(len(r.fields))]
	at, size := places[s.IntN(len(places))]+f/10, f%10
	if at+size > len(b) {
		return
	}
	var old [8]byte
	copy(old[:], b[at:at+size])
	v := binary.LittleEndian.Uint64(old[:])
	switch s.IntN(6) {
	case 0:
		v = 0
	case 1:
		v = ^uint64(0)
	case 2:
		v ^= 1 << s.IntN(8*size)
	case 3:
		v += uint64(s.IntN(64))
	case 4:
		v -= uint64(s.IntN(64))
	case 5:
		v = s.Uint64()
	}
	binary.LittleEndian.PutUint64(old[:], v)
	copy(b[at:at+size], old[:size])
}

// judge is whether the go command could unpack and hash the zip, and the hash.
func judge(file string, m module.Version, b []byte) (ok bool, h1 string) {
	if err := os.WriteFile(file, b, 0o600); err != nil {
		panic(err)
	}
	if _, err := modzip.CheckZip(m, file); err != nil {
		return false, ""
	}
	h1, err := dirhash.HashZip(file, dirhash.Hash1)
	return err == nil, h1
}

// zips: "zip" path, version, bytes, is good, h1; "dirhash" names, contents and h1 of a list of files, the
// names and contents separated by NUL.
func zips(w writer, s *source, scale int) {
	dir, err := os.MkdirTemp("", "vectors")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "m.zip")
	modules := []module.Version{{Path: "example.com/m", Version: "v1.0.0"}, {Path: "github.com/Azure/x/v2", Version: "v2.1.0-rc.1"},
		{Path: "a.b", Version: "v2.0.0+incompatible"}}
	for range 120 * scale {
		m := modules[s.IntN(len(modules))]
		b := build(s, m.Path+"@"+m.Version+"/")
		if s.chance(25) {
			b = widen(s, b)
		}
		if s.chance(60) {
			b = damage(s, b)
		}
		if s.chance(1) {
			m.Version = s.mutate(m.Version, versionPieces)
		}
		ok, h1 := judge(file, m, b)
		w.vector("zip", m.Path, m.Version, string(b), bit(ok), h1)
	}
	for range 10 * scale {
		var names, contents []string
		files := map[string]string{}
		for range s.IntN(12) {
			name := s.mutate(s.pick(zipNames), []string{"a", "/", "\xff", "~", "!", "\n", " "})
			if _, twice := files[name]; twice || strings.Contains(name, "\x00") {
				continue
			}
			content := fmt.Sprint(s.IntN(1000))
			files[name] = content
			names, contents = append(names, name), append(contents, content)
		}
		open := func(name string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files[name])), nil }
		h1, err := dirhash.Hash1(names, open)
		w.vector("dirhash", strings.Join(names, "\x00"), strings.Join(contents, "\x00"), fmt.Sprint(len(names)), bit(err == nil), h1)
	}
}
