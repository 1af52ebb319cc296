// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// How often, in a hundred, something is asked for in which way.
var (
	kinds   = []string{"get", "head", "range", "conditional", "if-range", "cancel", "slow", "list", "absent"}
	weights = []int{52, 10, 10, 10, 4, 5, 1, 6, 2}
)

func pick(r *rand.Rand) int {
	n := r.IntN(100)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	panic("the weights are less than a hundred together")
}

// An ask is one request and what is known about its answer. Outcomes: "right", the status of an honest
// failure, "broken" where the connection or the body ended early, "wrong".
type ask struct {
	load   *load
	client *client
	rand   *rand.Rand
	kind   string
	path   string
	want   []byte

	etag     string // of If-None-Match or If-Range
	from, to int    // of Range, as in Go's slices
	field    string // the Range
}

func (a *ask) wrong(format string, args ...any) string {
	return a.load.wrong("%s of %s%s %s: %s", a.kind, a.client.base, a.path, a.field, fmt.Sprintf(format, args...))
}

func (a *ask) do() string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	method := "GET"
	if a.kind == "head" {
		method = "HEAD"
	}
	req, err := http.NewRequestWithContext(ctx, method, a.client.base+"/"+a.path, nil)
	if err != nil {
		return a.wrong("%v", err)
	}
	a.dress(req.Header)
	if a.kind == "cancel" && a.rand.IntN(2) == 0 {
		time.AfterFunc(time.Duration(a.rand.IntN(3000))*time.Microsecond, cancel)
	}
	res, err := a.client.http.Do(req)
	if err != nil {
		return a.ended(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != a.client.major {
		return a.wrong("answered by %s", res.Proto)
	}
	return a.judge(res, cancel)
}

// dress sets the fields that make the request of its kind.
func (a *ask) dress(h http.Header) {
	if a.kind == "conditional" || a.kind == "if-range" {
		if known, ok := a.load.etags.Load(a.path); ok {
			a.etag = known.(string)
		}
	}
	if a.etag != "" && a.kind == "conditional" {
		h.Set("If-None-Match", a.etag)
	}
	if a.kind != "range" && (a.kind != "if-range" || a.etag == "") {
		return
	}
	size := len(a.want)
	a.from, a.to = a.rand.IntN(size), size
	switch a.rand.IntN(4) {
	case 0:
		a.field = fmt.Sprintf("bytes=%d-", a.from)
	case 1:
		a.field = fmt.Sprintf("bytes=-%d", size-a.from)
	case 2:
		a.to = a.from + 1 + a.rand.IntN(size-a.from)
		a.field = fmt.Sprintf("bytes=%d-%d", a.from, a.to-1)
	case 3:
		a.field = fmt.Sprintf("bytes=%d-%d", a.from, size+a.rand.IntN(100))
	}
	h.Set("Range", a.field)
	if a.kind == "if-range" {
		if a.rand.IntN(2) == 0 {
			a.etag, a.field = `"of another time"`, "" // then the whole is due
		}
		h.Set("If-Range", a.etag)
	}
}

// ended is the outcome of a request that has no whole answer.
func (a *ask) ended(err error) string {
	if a.kind == "cancel" && errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	return "broken"
}

func (a *ask) judge(res *http.Response, cancel func()) string {
	switch {
	case res.StatusCode >= 500:
		io.Copy(io.Discard, res.Body)
		return strconv.Itoa(res.StatusCode)
	case a.kind == "absent":
		io.Copy(io.Discard, res.Body)
		if res.StatusCode != 404 {
			return a.wrong("answered %s", res.Status)
		}
		return "right"
	case res.StatusCode == 304 && a.kind == "conditional" && a.etag != "":
		if n, _ := io.Copy(io.Discard, res.Body); n != 0 {
			return a.wrong("304 with %d bytes", n)
		}
		return "right"
	case res.StatusCode == 206 && a.field != "":
		span := fmt.Sprintf("bytes %d-%d/%d", a.from, min(a.to, len(a.want))-1, len(a.want))
		if got := res.Header.Get("Content-Range"); got != span {
			return a.wrong("Content-Range is %q, not %q", got, span)
		}
		return a.compare(res, a.want[a.from:min(a.to, len(a.want))], cancel)
	case res.StatusCode == 200:
		if a.etag != "" && a.kind == "conditional" {
			return a.wrong("answered 200 although it has not changed: %s, not %s", res.Header.Get("ETag"), a.etag)
		}
		if tag := res.Header.Get("ETag"); tag != "" && a.kind != "list" {
			if before, known := a.load.etags.Swap(a.path, tag); known && before != tag {
				return a.wrong("ETag is %s, was %s", tag, before)
			}
		}
		return a.compare(res, a.want, cancel)
	}
	return a.wrong("answered %s", res.Status)
}

// compare reads the body as the kind of request wants it read.
func (a *ask) compare(res *http.Response, want []byte, cancel func()) string {
	if n := res.ContentLength; n >= 0 && n != int64(len(want)) {
		return a.wrong("Content-Length is %d, not %d", n, len(want))
	}
	if a.kind == "head" {
		return "right"
	}
	enough := len(want) + 1
	if a.kind == "cancel" {
		enough = a.rand.IntN(enough)
	}
	buffer := make([]byte, 16384)
	pauses := 20
	differs := -1 // where bytes may differ that are sent before they are proven: then the whole must never come
	for at := 0; ; {
		n, err := res.Body.Read(buffer)
		if n > len(want)-at {
			return a.wrong("%d bytes and more, not %d", at+n, len(want))
		}
		if differs < 0 && !bytes.Equal(buffer[:n], want[at:at+n]) {
			differs = at
		}
		at += n
		switch {
		case err == io.EOF && differs >= 0:
			return a.wrong("other bytes at %d of %d", differs, len(want))
		case err == io.EOF && at == len(want):
			return "right"
		case err == io.EOF:
			return a.wrong("ends after %d of %d bytes", at, len(want))
		case err != nil:
			return a.ended(err)
		case at >= enough:
			cancel()
			return "cancelled"
		}
		if a.kind == "slow" && pauses > 0 {
			pauses--
			time.Sleep(time.Duration(a.rand.IntN(20)) * time.Millisecond)
		}
	}
}
