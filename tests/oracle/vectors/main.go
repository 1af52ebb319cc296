// SPDX-License-Identifier: Apache-2.0

// Command vectors writes test vectors for src/gomod with the answers of golang.org/x/mod to its standard
// output: vectors SEED SCALE. The same arguments give the same bytes. SCALE 100 is the full size.
//
// A vector is a byte with the number of fields, then the fields, each a little-endian 32-bit length and
// that many bytes. The first field is the kind; tests/gomod_vectors.c says what the others are.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
)

type writer struct{ *bufio.Writer }

func (w writer) vector(kind string, fields ...string) {
	w.WriteByte(byte(1 + len(fields)))
	for _, f := range append([]string{kind}, fields...) {
		var n [4]byte
		binary.LittleEndian.PutUint32(n[:], uint32(len(f)))
		w.Write(n[:])
		w.WriteString(f)
	}
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: vectors SEED SCALE")
		os.Exit(2)
	}
	seed, err1 := strconv.ParseUint(os.Args[1], 10, 64)
	scale, err2 := strconv.Atoi(os.Args[2])
	if err1 != nil || err2 != nil {
		fmt.Fprintln(os.Stderr, "vectors: SEED and SCALE are numbers")
		os.Exit(2)
	}
	w := writer{bufio.NewWriterSize(os.Stdout, 1<<20)}
	for i, write := range []func(writer, *source, int){runes, paths, versions, pseudos, globs, gomods, zips, lists, proxies, imports, repositories, policies, trees} {
		write(w, newSource(seed, uint64(i)), scale)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "vectors:", err)
		os.Exit(1)
	}
}
