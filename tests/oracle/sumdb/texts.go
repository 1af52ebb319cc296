// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Two keys are known, of the seeds 32 * 0x07 and 32 * 0x08; a third one of the first one's name and hash
// makes signatures by it ambiguous in one of eight notes.
var (
	known     []note.Verifier
	signers   []note.Signer
	texts     []string
	noteSeeds []string
	keySeeds  []string
)

type impostor struct{ note.Verifier }

func init() {
	for i, name := range []string{"sum.example.org", "second.example/sumdb", "stranger.example"} {
		seed := make([]byte, ed25519.SeedSize)
		for j := range seed {
			seed[j] = byte(7 + i)
		}
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		vkey, err := note.NewEd25519VerifierKey(name, public)
		if err != nil {
			panic(err)
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			panic(err)
		}
		skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, v.KeyHash(),
			base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
		signer, err := note.NewSigner(skey)
		if err != nil {
			panic(err)
		}
		if i < 2 {
			known = append(known, v)
		}
		signers = append(signers, signer)
		keySeeds = append(keySeeds, vkey, skey)
	}
	texts = []string{
		"go.sum database tree\n5\neraqIRzoG/X67Ccp5snpK78x5Affgc/XrNC6FPScJQc=\n",
		"go.sum database tree\n69959272\nL6xGIG9BJ5WLe0paJgb2RVNCdNi6wVyMUVOfn9Oo/8s=\nmore\n",
		"go.sum database tree\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
		"go.sum database tree\n1152921504606846976\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n",
		"\n", "h\xc3\xa9llo\n",
	}
	for _, text := range texts {
		for _, with := range [][]note.Signer{{signers[0]}, {signers[1], signers[2]}, {signers[2]}, signers} {
			msg, err := note.Sign(&note.Note{Text: text}, with...)
			if err != nil {
				panic(err)
			}
			noteSeeds = append(noteSeeds, string(msg))
		}
		// Most are by strangers: what has to be verified takes long.
		for range 8 {
			noteSeeds = append(noteSeeds, text+"\n— stranger.example AAAAAQE=\n— other WaklsZB5\n")
		}
	}
	many := texts[0] + "\n"
	for i := range 100 {
		many += fmt.Sprintf("— w%d AAAAAQE=\n", i)
	}
	noteSeeds = append(noteSeeds, many, "", "\n\n")
}

var notePieces = []string{
	"\n", "\n\n", "— ", "—", "- ", " ", "=", "==", "A", "/", "+", "_", "AAAA", "a AAAAAQE=\n", "— a AAAAAQE=\n", "— a AAAAAQ==\n",
	"— a AAAAAQ=\n", "— sum.example.org WaklsZB5\n", "— second.example/sumdb AAAAAQE=\n", "\x00", "\t", "\r", "\x7f", "\x1f", "\x85",
	"\xc2\x85", "\xc2\xa0", "\xff", "\xc3", "\xed\xa0\x80", "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "\xf4\x90\x80\x80", "\xe2\x80\x83",
	"\xc0\x80", "x", "0", "— \xc3\xa9 AAAAAQE=\n", "— a+b AAAAAQE=\n", "—  AAAAAQE=\n", "— a  AAAAAQE=\n",
}

// notes: byte 0 of the input is 1 if the impostor's key is known too; the rest is the message.
func notes(s *source) (input, answer []byte) {
	msg := s.mutate(s.pick(noteSeeds), notePieces)
	list := known
	input = []byte{0}
	if s.IntN(8) == 0 {
		input[0] = 1
		list = append(known[:2:2], impostor{known[0]})
	}
	input = append(input, msg...)
	n, err := note.Open(msg, note.VerifierList(list...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case err == nil:
		answer = []byte("good\n")
	case errors.As(err, &unverified):
		n = unverified.Note
		answer = []byte("unverified\n")
	case errors.As(err, &invalid):
		return input, []byte("bad\n")
	case strings.HasPrefix(err.Error(), "ambiguous key"):
		return input, []byte("ambiguous\n")
	default:
		return input, []byte("malformed\n")
	}
	answer = append(answer, n.Text...)
	for i, sigs := range [][]note.Signature{n.Sigs, n.UnverifiedSigs} {
		for _, sig := range sigs {
			answer = fmt.Appendf(answer, "%d %s %08x %s\n", 1-i, sig.Name, sig.Hash, sig.Base64)
		}
	}
	return input, answer
}

var keyPieces = []string{
	"+", "PRIVATE+KEY+", "PRIVATE", "KEY", "0", "1", "8", "f", "F", "g", "A", "B", "=", "==", " ", "\n", "\r", "\t", "/", "AQ", "AA",
	"\xc2\xa0", "\xff", "\xc3\xa9", "e", "_", "-",
}

// keys: a public key: is it one, its name and hash; a secret key: is it one.
func keys(s *source) (input, answer []byte) {
	text := s.mutate(s.pick(keySeeds), keyPieces)
	if v, err := note.NewVerifier(string(text)); err == nil {
		answer = fmt.Appendf(answer, "public %s %08x\n", v.Name(), v.KeyHash())
	}
	if v, err := note.NewSigner(string(text)); err == nil {
		sig, _ := v.Sign([]byte("text"))
		answer = fmt.Appendf(answer, "secret %s %08x %s\n", v.Name(), v.KeyHash(), base64.StdEncoding.EncodeToString(sig))
	}
	return text, answer
}

const sum = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

var lookupSeeds = []string{
	"67638482\na.b/c v1.2.3 " + sum + "\na.b/c v1.2.3/go.mod " + sum + "\n\nrest\n\nmore\n",
	"0\na.b/c v1.2.3 " + sum + "\na.b/c v1.2.3 h2:x\nq v1 h1:y\na.b/c v1.2.3/go.mod " + sum + "\n\n",
	"5\nx\n\n", "5\n\nx\n\ny", "9223372036854775807\nh\xc3\xa9\n\n", "1\n\n\n",
}

var lookupPieces = []string{
	"\n", "\n\n", "0", "1", "9", "-", "+", "_", " ", "\t", "\r", "\x00", "\xff", "\xc3\xa9", "\xef\xbf\xbd", "a.b/c v1.2.3 ",
	"a.b/c v1.2.3/go.mod ", "h1:", "h2:", "=", "A", "B", sum, sum + "\n", "/go.mod", "a.b/c v1.2.3 " + sum + "\n", "x",
}

// lookups: id, text, rest of an answer; then the hashes of a.b/c v1.2.3 and its go.mod in the text, if
// there is exactly one well-formed "h1:" for each.
func lookups(s *source) (input, answer []byte) {
	input = s.mutate(s.pick(lookupSeeds), lookupPieces)
	id, text, rest, err := tlog.ParseRecord(input)
	if err != nil || id < 0 || !strings.HasPrefix(string(input), strconv.FormatInt(id, 10)+"\n") {
		return input, []byte("malformed")
	}
	answer = fmt.Appendf(answer, "%d\n%s\x00%s\x00", id, text, rest)
	var found []string
	for _, version := range []string{"v1.2.3", "v1.2.3/go.mod"} {
		one := ""
		for line := range strings.SplitSeq(string(text), "\n") {
			h, ok := strings.CutPrefix(line, "a.b/c "+version+" ")
			if !ok || !strings.HasPrefix(h, "h1:") {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(h[3:])
			if err != nil || len(raw) != 32 || len(h) != len(sum) || one != "" && one != h {
				return input, append(answer, "none"...)
			}
			one = h
		}
		found = append(found, one)
	}
	if found[0] == "" || found[1] == "" {
		return input, append(answer, "none"...)
	}
	return input, append(answer, found[0]+found[1]...)
}

var treePieces = append([]string{"go.sum database tree\n", "go.sum database tree", "2", "=\n", "99999999999"}, lookupPieces...)

// trees: size and root of a head's text.
func trees(s *source) (input, answer []byte) {
	input = s.mutate(s.pick(texts), treePieces)
	tree, err := tlog.ParseTree(input)
	if err != nil || tree.N > 1<<60 {
		return input, []byte("malformed")
	}
	return input, fmt.Appendf(nil, "%d %s", tree.N, tree.Hash)
}
