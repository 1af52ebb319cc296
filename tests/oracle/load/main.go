// SPDX-License-Identifier: Apache-2.0

// Command load asks servers for everything a client may ask for, in every way it may ask, and compares each
// byte of each answer with the truth. A plan is read from standard input, as JSON; a report is written to
// standard output. Whoever reads the report decides how many honest failures are too many: only wrong answers
// are judged here.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A Plan says what to ask and whom.
type Plan struct {
	Seed     uint64
	Requests int64
	Workers  int
	Servers  []Server
	CA       string   // file with the certificate authority of the TLS servers
	Folder   string   // the truth: what is at /PATH is in FOLDER/PATH
	Paths    []string // whose answer never changes; those in front are asked for more often
	Lists    []string // lists and @latest
	Absent   []string // answered 404
}

// A Server is one way to reach what is under test.
type Server struct {
	URL      string
	Protocol string // http/1.1 or h2, over TLS or in clear text as the URL says
}

// A Report counts answers by kind of request and outcome.
type Report struct {
	Seed    uint64
	Seconds float64
	Counts  map[string]map[string]int64
	Wrong   []string // the first few
	Wrongs  int64
}

type load struct {
	plan    Plan
	clients []*client
	truth   map[string][]byte
	etags   sync.Map // path to string
	left    atomic.Int64

	mu     sync.Mutex
	report Report
}

func (l *load) count(kind, outcome string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.report.Counts[kind] == nil {
		l.report.Counts[kind] = map[string]int64{}
	}
	l.report.Counts[kind][outcome]++
}

func (l *load) wrong(format string, args ...any) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report.Wrongs++
	if len(l.report.Wrong) < 20 {
		l.report.Wrong = append(l.report.Wrong, fmt.Sprintf(format, args...))
	}
	return "wrong"
}

func (l *load) work(number int) {
	r := rand.New(rand.NewPCG(l.plan.Seed, uint64(number)))
	zipf := rand.NewZipf(r, 1.05, 8, uint64(len(l.plan.Paths)-1))
	for l.left.Add(-1) >= 0 {
		k := kinds[pick(r)]
		a := &ask{load: l, client: l.clients[r.IntN(len(l.clients))], rand: r, kind: k}
		switch k {
		case "list":
			a.path = l.plan.Lists[r.IntN(len(l.plan.Lists))]
		case "absent":
			a.path = l.plan.Absent[r.IntN(len(l.plan.Absent))]
		default:
			a.path = l.plan.Paths[zipf.Uint64()]
		}
		a.want = l.truth[a.path]
		l.count(k, a.do())
	}
}

func main() {
	l := &load{report: Report{Counts: map[string]map[string]int64{}}, truth: map[string][]byte{}}
	if err := json.NewDecoder(os.Stdin).Decode(&l.plan); err != nil {
		log.Fatal(err)
	}
	for _, list := range [][]string{l.plan.Paths, l.plan.Lists} {
		for _, path := range list {
			data, err := os.ReadFile(filepath.Join(l.plan.Folder, path))
			if err != nil {
				log.Fatal(err)
			}
			l.truth[path] = data
		}
	}
	for _, s := range l.plan.Servers {
		l.clients = append(l.clients, newClient(s, l.plan.CA))
	}
	l.report.Seed = l.plan.Seed
	l.left.Store(l.plan.Requests)
	start := time.Now()
	var all sync.WaitGroup
	for i := range l.plan.Workers {
		all.Go(func() { l.work(i) })
	}
	all.Wait()
	l.report.Seconds = time.Since(start).Seconds()
	if err := json.NewEncoder(os.Stdout).Encode(&l.report); err != nil {
		log.Fatal(err)
	}
}
