// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"math/rand/v2"
)

// source is where inputs come from: seeds of a kind, mutated.
type source struct{ *rand.Rand }

func newSource(seed uint64) *source {
	return &source{rand.New(rand.NewPCG(seed, 4))}
}

func (s *source) chance(percent int) bool { return s.IntN(100) < percent }

func (s *source) pick(from []string) string { return from[s.IntN(len(from))] }

// mutate changes seed in up to four places by inserting, removing, replacing or repeating a bit of it,
// with pieces of its kind, or by moving a line. One in eight stays as it is.
func (s *source) mutate(seed string, pieces []string) []byte {
	text := []byte(seed)
	if s.IntN(8) == 0 {
		return text
	}
	for range 1 + s.IntN(4) {
		at := s.IntN(len(text) + 1)
		end := min(len(text), at+s.IntN(4))
		switch s.IntN(7) {
		case 0:
			text = append(text[:at:at], text[end:]...)
		case 1:
			text = bytes.Join([][]byte{text[:at], []byte(s.pick(pieces)), text[end:]}, nil)
		case 2:
			text = bytes.Join([][]byte{text[:at], text[at:end], text[at:]}, nil)
		case 3:
			text = s.moveLine(text)
		case 4:
			if at < len(text) {
				text[at] ^= 1 << s.IntN(8)
			}
		default:
			text = bytes.Join([][]byte{text[:at], []byte(s.pick(pieces)), text[at:]}, nil)
		}
	}
	return text
}

// moveLine repeats, removes or swaps lines.
func (s *source) moveLine(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	i, j := s.IntN(len(lines)), s.IntN(len(lines))
	switch s.IntN(3) {
	case 0:
		lines[i], lines[j] = lines[j], lines[i]
	case 1:
		lines = append(lines[:i:i], lines[i+1:]...)
	case 2:
		lines = append(lines[:i:i], append([][]byte{lines[j]}, lines[i:]...)...)
	}
	return bytes.Join(lines, nil)
}
