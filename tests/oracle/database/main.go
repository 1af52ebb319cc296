// SPDX-License-Identifier: Apache-2.0

// Command database is the log behind a checksum database of the tests: database NAME SEED, where SEED is
// 64 hexadecimal digits. It writes the database's key to its standard output, then answers commands, one
// JSON object a line. What HTTP would carry is in the answers; tests/lib/sumdb.py serves it, and errs.
//
// Several histories live side by side under the one key. The first is called "main".
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type history struct {
	records [][]byte
	hashes  []tlog.Hash
	ids     map[module.Version]int64
}

func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		list[i] = h.hashes[index]
	}
	return list, nil
}

func (h *history) add(m module.Version, text []byte) error {
	if _, known := h.ids[m]; known {
		return fmt.Errorf("%v has a record", m)
	}
	id := int64(len(h.records))
	hashes, err := tlog.StoredHashes(id, text, h)
	if err != nil {
		return err
	}
	h.records = append(h.records, text)
	h.hashes = append(h.hashes, hashes...)
	h.ids[m] = id
	return nil
}

// A view is a history as it was with its first size records: the operations of sumdb.Server.
type view struct {
	*history
	size   int64
	signer note.Signer
}

func (v view) Signed(context.Context) ([]byte, error) {
	hash, err := tlog.TreeHash(v.size, v)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: string(tlog.FormatTree(tlog.Tree{N: v.size, Hash: hash}))}, v.signer)
}

func (v view) ReadRecords(_ context.Context, id, n int64) ([][]byte, error) {
	if id+n > v.size {
		return nil, fs.ErrNotExist
	}
	return v.records[id : id+n], nil
}

func (v view) Lookup(_ context.Context, m module.Version) (int64, error) {
	id, known := v.ids[m]
	if !known || id >= v.size {
		return 0, fs.ErrNotExist
	}
	return id, nil
}

func (v view) ReadTileData(_ context.Context, t tlog.Tile) ([]byte, error) {
	if level := t.L * t.H; level > 62 || t.N<<t.H+int64(t.W) > v.size>>level {
		return nil, fs.ErrNotExist
	}
	return tlog.ReadTileData(t, v)
}

type command struct {
	Op      string // "add", "fill", "fork", "get", "sign"
	History string
	Size    int64  // get: of the tree that is seen, 0 for all; fill: records to add; fork: records in common
	Path    string // add: module; get: "/lookup/...", "/latest", "/tile/..."
	Version string
	Text    string // add: the record; sign: the note's text
	New     string // fork: the name of the new history
}

type answer struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   []byte `json:"body"`
	Size   int    `json:"size"` // records in the history
}

func run(c command, histories map[string]*history, signer note.Signer) (answer, error) {
	h := histories[c.History]
	if h == nil {
		return answer{}, fmt.Errorf("no history %q", c.History)
	}
	out := answer{Status: http.StatusOK}
	switch c.Op {
	case "add":
		if err := h.add(module.Version{Path: c.Path, Version: c.Version}, []byte(c.Text)); err != nil {
			return out, err
		}
	case "fill":
		for range c.Size {
			m := module.Version{Path: "filler.example/of/" + c.History, Version: fmt.Sprintf("v0.0.%d", len(h.records))}
			zero := "h1:" + strings.Repeat("A", 43) + "="
			text := fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", m.Path, m.Version, zero, m.Path, m.Version, zero)
			if err := h.add(m, []byte(text)); err != nil {
				return out, err
			}
		}
	case "fork":
		fork := &history{ids: map[module.Version]int64{}}
		histories[c.New] = fork
		byID := make([]module.Version, len(h.records))
		for m, id := range h.ids {
			byID[id] = m
		}
		for id, m := range byID[:c.Size] {
			if err := fork.add(m, h.records[id]); err != nil {
				return out, err
			}
		}
		h = fork
	case "get":
		v := view{h, int64(len(h.records)), signer}
		if c.Size > 0 {
			v.size = c.Size
		}
		recorder := httptest.NewRecorder()
		sumdb.NewServer(v).ServeHTTP(recorder, &http.Request{Method: "GET", URL: &url.URL{Path: c.Path}})
		out.Status = recorder.Code
		out.Type = recorder.Header().Get("Content-Type")
		out.Body = recorder.Body.Bytes()
	case "sign":
		signed, err := note.Sign(&note.Note{Text: c.Text}, signer)
		if err != nil {
			return out, err
		}
		out.Body = signed
	default:
		return out, fmt.Errorf("no command %q", c.Op)
	}
	out.Size = len(h.records)
	return out, nil
}

// keys derives both from the seed, so that every run has the same.
func keys(name, seed string) (signer note.Signer, verifier string, err error) {
	bytes32, err := hex.DecodeString(seed)
	if err != nil || len(bytes32) != ed25519.SeedSize {
		return nil, "", fmt.Errorf("SEED is not 64 hexadecimal digits")
	}
	public := ed25519.NewKeyFromSeed(bytes32).Public().(ed25519.PublicKey)
	verifier, err = note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return nil, "", err
	}
	parts := strings.SplitN(verifier, "+", 3) // base64 has plus signs of its own
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, bytes32...))
	signer, err = note.NewSigner("PRIVATE+KEY+" + parts[0] + "+" + parts[1] + "+" + secret)
	return signer, verifier, err
}

func serve() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("usage: database NAME SEED")
	}
	signer, verifier, err := keys(os.Args[1], os.Args[2])
	if err != nil {
		return err
	}
	fmt.Println(verifier)
	histories := map[string]*history{"main": {ids: map[module.Version]int64{}}}
	commands := bufio.NewReader(os.Stdin)
	for {
		line, err := commands.ReadBytes('\n')
		if err != nil {
			return nil // whoever asked is gone
		}
		var c command
		if err := json.NewDecoder(bytes.NewReader(line)).Decode(&c); err != nil {
			return err
		}
		out, err := run(c, histories, signer)
		if err != nil {
			return err
		}
		data, err := json.Marshal(out)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", data)
	}
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "database:", err)
		os.Exit(1)
	}
}
