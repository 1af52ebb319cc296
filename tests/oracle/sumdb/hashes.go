// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

const logSize = 600

// storage is a log whose record i is the decimal number i. Both sides have it.
type storage []tlog.Hash

var (
	stored storage
	roots  [logSize + 1]tlog.Hash
)

func (s storage) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		list[i] = s[x]
	}
	return list, nil
}

func init() {
	for i := range int64(logSize) {
		hashes, err := tlog.StoredHashes(i, strconv.AppendInt(nil, i, 10), stored)
		if err != nil {
			panic(err)
		}
		stored = append(stored, hashes...)
	}
	for n := range int64(logSize + 1) {
		roots[n], _ = tlog.TreeHash(n, stored)
	}
}

var tileSeeds = []string{
	"tile/8/0/000", "tile/8/0/000.p/1", "tile/8/0/x273/278.p/104", "tile/3/5/x123/x456/078.p/2", "tile/1/data/x003/x057/500",
	"tile/30/63/000.p/1073741823", "tile/8/0/x009/x223/x372/x036/x854/x775/807", "tile/8/data/000.p/255", "tile/2/1/012.p/3",
}

var tilePieces = []string{
	"/", "x", "0", "1", "5", "9", "00", "000", "x000/", "/x000", "x001/", ".p", ".p/", ".p/1", "p", ".", "-", "+", "_", "data", "tile",
	"30", "31", "63", "64", "255", "256", " ", "\n", "\x00", "\xff", "\xd9\xa0", "x999/x999/x999/x999/x999/x999/",
}

// tiles: the coordinates of a path.
func tiles(s *source) (input, answer []byte) {
	input = s.mutate(s.pick(tileSeeds), tilePieces)
	t, err := tlog.ParseTilePath(string(input))
	if err != nil || t.L > 63 {
		return input, []byte("malformed")
	}
	return input, fmt.Appendf(nil, "%d %d %d %d", t.H, t.L, t.N, t.W)
}

// indexes: height (8 bits), level (8), number (64): the place where that hash is stored, back, its tile,
// and how many hashes a log of that many records stores.
func indexes(s *source) (input, answer []byte) {
	height, level := 1+s.IntN(30), s.IntN(60)
	n := int64(s.Uint64N(1 << (1 + s.IntN(60-level))))
	input = binary.LittleEndian.AppendUint64([]byte{byte(height), byte(level)}, uint64(n))
	index := tlog.StoredHashIndex(level, n)
	l, m := tlog.SplitStoredHashIndex(index)
	t := tlog.TileForIndex(height, index)
	return input, fmt.Appendf(nil, "%d %d %d %d %d %d %d", index, l, m, t.L, t.N, t.W, tlog.StoredHashCount(n))
}

// proofs: size, record or older size (16 bits each), what is proven (8: 1 an older tree), the root and
// the record's or the older tree's root, then the proof: does it hold? And the proofs that there are.
func proofs(s *source) (input, answer []byte) {
	size := int64(1 + s.IntN(logSize))
	at := s.Int64N(size + 1)
	tree := s.chance(50)
	var proof []tlog.Hash
	var h tlog.Hash
	if tree {
		proof, _ = tlog.ProveTree(size, at, stored)
		h = roots[at]
	} else {
		proof, _ = tlog.ProveRecord(size, at, stored)
		h = stored[tlog.StoredHashIndex(0, min(at, size-1))]
	}
	for _, p := range proof {
		answer = append(answer, p[:]...)
	}
	root := roots[size]
	checkSize, checkAt := size, at
	if s.chance(60) {
		proof, root, h, checkSize, checkAt = s.spoil(proof, root, h, size, at)
	}
	kind := byte(0)
	var err error
	if tree {
		kind = 1
		err = tlog.CheckTree(proof, checkSize, root, checkAt, h)
	} else {
		err = tlog.CheckRecord(proof, checkSize, root, checkAt, h)
	}
	input = []byte{kind}
	for _, n := range []int64{size, at, checkSize, checkAt} {
		input = binary.LittleEndian.AppendUint16(input, uint16(n))
	}
	input = append(append(input, root[:]...), h[:]...)
	for _, p := range proof {
		input = append(input, p[:]...)
	}
	if err == nil {
		return input, append(answer, "holds"...)
	}
	return input, append(answer, "fails"...)
}

func (s *source) spoil(proof []tlog.Hash, root, h tlog.Hash, size, at int64) ([]tlog.Hash, tlog.Hash, tlog.Hash, int64, int64) {
	proof = append([]tlog.Hash(nil), proof...)
	switch s.IntN(8) {
	case 0:
		root[s.IntN(32)] ^= 1 << s.IntN(8)
	case 1:
		h[s.IntN(32)] ^= 1 << s.IntN(8)
	case 2:
		proof = append(proof, h)
	case 3:
		if len(proof) > 0 {
			proof = proof[:len(proof)-1]
		}
	case 4:
		size = max(0, min(logSize, size+int64(s.IntN(5))-2))
		root = roots[size]
	case 5:
		at = max(0, at+int64(s.IntN(5))-2)
	case 6:
		if len(proof) > 1 {
			i, j := s.IntN(len(proof)), s.IntN(len(proof))
			proof[i], proof[j] = proof[j], proof[i]
		}
	default:
		if len(proof) > 0 {
			proof[s.IntN(len(proof))][s.IntN(32)] ^= 1 << s.IntN(8)
		}
	}
	return proof, root, h, size, at
}

// server is a tlog.TileReader that spoils a byte of the hash at level and number of the tree: it has
// that byte of every tile that lists it.
type server struct {
	height     int
	level      int
	number     int64
	at         int
	xor        byte
	grow       int // hashes too many or too few in tiles of that level
	saved      int
	wrongSaved bool
}

var errNone = errors.New("no such hash")

func (r *server) body(t tlog.Tile, honest bool) ([]byte, error) {
	if t.N<<t.H+int64(t.W) > logSize>>(t.H*t.L) {
		return nil, errNone
	}
	data, err := tlog.ReadTileData(t, stored)
	if err != nil || honest || t.L*t.H != r.level {
		return data, err
	}
	if i := r.number - t.N<<t.H; i >= 0 && i < int64(t.W) {
		data[i*32+int64(r.at)] ^= r.xor
	}
	switch {
	case r.grow > 0:
		data = append(data, make([]byte, 32)...)
	case r.grow < 0:
		data = data[:len(data)-32]
	}
	return data, nil
}

func (r *server) Height() int { return r.height }

func (r *server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if data[i], err = r.body(t, false); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (r *server) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		honest, _ := r.body(t, true)
		r.wrongSaved = r.wrongSaved || string(honest) != string(data[i])
	}
	r.saved += len(tiles)
}

// readers: height (8 bits), size (16), level of the spoilt hash (8), its number (16), byte (8), xor (8),
// grow (8: 0, 1, or 255 for -1), then places to read (16 each): the hashes and how many tiles were saved,
// or a failure.
func readers(s *source) (input, answer []byte) {
	r := &server{height: 1 + s.IntN(9)}
	size := 1 + s.IntN(logSize)
	if s.chance(70) {
		r.level = r.height * s.IntN(1+9/r.height)
		r.number = int64(s.IntN(1 + size>>r.level))
		r.at, r.xor = s.IntN(32), 1<<s.IntN(8)
		if s.chance(5) {
			r.grow = 1 - 2*s.IntN(2)
		}
	}
	input = append(input, byte(r.height))
	input = binary.LittleEndian.AppendUint16(input, uint16(size))
	input = append(input, byte(r.level))
	input = binary.LittleEndian.AppendUint16(input, uint16(r.number))
	input = append(input, byte(r.at), r.xor, byte(r.grow))
	places := make([]int64, 1+s.IntN(4))
	for i := range places {
		places[i] = s.Int64N(tlog.StoredHashCount(int64(size)) + 1 - int64(min(1, s.IntN(50))))
		input = binary.LittleEndian.AppendUint16(input, uint16(places[i]))
	}
	reader := tlog.TileHashReader(tlog.Tree{N: int64(size), Hash: roots[size]}, r)
	hashes, err := reader.ReadHashes(places)
	if r.wrongSaved {
		panic("x/mod saved a tile that is not the log's")
	}
	if err != nil {
		return input, []byte("fails")
	}
	for _, h := range hashes {
		answer = append(answer, h[:]...)
	}
	return input, fmt.Appendf(answer, " %d", r.saved)
}
