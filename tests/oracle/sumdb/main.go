// SPDX-License-Identifier: Apache-2.0

// Command sumdb writes generated inputs of one kind, each with a hash of the answer of
// golang.org/x/mod/sumdb, to its standard output: sumdb KIND SEED COUNT. The same arguments give the
// same bytes. sumdb KIND SEED COUNT N prints the N-th (from 0) for people.
//
// Each is a little-endian 32-bit length, the input, and the 64-bit FNV-1a hash of the answer.
// tests/sumdb_vectors.c says what the kinds are, and asks src/sumdb the same.
//
// Where modgate is stricter on purpose, the answers here are what x/mod's would be if it were:
// numbers are written one way only, a tree has at most 2^60 records, a tile's level is at most 63.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
)

var kinds = map[string]func(*source) (input, answer []byte){
	"note":   notes,
	"key":    keys,
	"lookup": lookups,
	"tree":   trees,
	"tile":   tiles,
	"index":  indexes,
	"proof":  proofs,
	"reader": readers,
}

func run() error {
	if len(os.Args) < 4 {
		return fmt.Errorf("usage: sumdb KIND SEED COUNT [N]")
	}
	generate := kinds[os.Args[1]]
	seed, err1 := strconv.ParseUint(os.Args[2], 10, 64)
	count, err2 := strconv.Atoi(os.Args[3])
	if generate == nil || err1 != nil || err2 != nil {
		return fmt.Errorf("no such kind, or SEED and COUNT are not numbers")
	}
	show := -1
	if len(os.Args) > 4 {
		show, _ = strconv.Atoi(os.Args[4])
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	s := newSource(seed)
	var number [8]byte
	for i := range count {
		input, answer := generate(s)
		if show >= 0 {
			if i == show {
				fmt.Printf("%q\n%q\n", input, answer)
				return nil
			}
			continue
		}
		binary.LittleEndian.PutUint32(number[:4], uint32(len(input)))
		out.Write(number[:4])
		out.Write(input)
		h := fnv.New64a()
		h.Write(answer)
		binary.LittleEndian.PutUint64(number[:], h.Sum64())
		if _, err := out.Write(number[:]); err != nil {
			return err
		}
	}
	return out.Flush()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sumdb:", err)
		os.Exit(1)
	}
}
