// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"strings"
)

// source is where inputs come from: seeds of a kind, mutated.
type source struct{ *rand.Rand }

func newSource(seed, stream uint64) *source {
	return &source{rand.New(rand.NewPCG(seed, stream))}
}

func (s *source) pick(from []string) string { return from[s.IntN(len(from))] }
func (s *source) chance(percent int) bool   { return s.IntN(100) < percent }

// mutate changes seed in up to three places by inserting, removing, replacing or repeating a bit of it,
// with pieces of its kind. One in five stays as it is.
func (s *source) mutate(seed string, pieces []string) string {
	if s.chance(20) {
		return seed
	}
	for range 1 + s.IntN(3) {
		at := s.IntN(len(seed) + 1)
		end := min(len(seed), at+s.IntN(4))
		switch s.IntN(5) {
		case 0:
			seed = seed[:at] + seed[end:]
		case 1:
			seed = seed[:at] + s.pick(pieces) + seed[end:]
		case 2:
			seed = seed[:at] + seed[at:end] + seed[at:]
		default:
			seed = seed[:at] + s.pick(pieces) + seed[at:]
		}
	}
	return seed
}

// lines mutates whole lines: swaps, removes, repeats them.
func (s *source) lines(text string) string {
	all := strings.SplitAfter(text, "\n")
	for range s.IntN(3) {
		i, j := s.IntN(len(all)), s.IntN(len(all))
		switch s.IntN(3) {
		case 0:
			all[i], all[j] = all[j], all[i]
		case 1:
			all = append(all[:i:i], all[min(i+1, len(all)):]...)
		case 2:
			all = append(all[:i:i], append([]string{all[j]}, all[i:]...)...)
		}
		if len(all) == 0 {
			return ""
		}
	}
	return strings.Join(all, "")
}
