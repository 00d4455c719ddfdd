package rest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// reflectedConfig is that of a gateway which asks the upstream what it serves.
const reflectedConfig = `
[access_log]
path = "/dev/null"

[[listeners]]
listen = "127.0.0.1:0"

[[routes]]
cluster = "library"

[[clusters]]
name = "library"
endpoints = ["http://UPSTREAM"]
descriptors = { reflection = true }
`

// TestReflection has rules that the gateway learned from grpc-go's reflection service.
func TestReflection(t *testing.T) {
	reflected, err := startGateway(reflectedConfig, up.address, "")
	if err != nil {
		t.Fatal(err)
	}
	defer reflected.stop()
	over := transport{"h1", "http", 1, h1.client, reflected}
	for _, c := range bindings {
		do(t, request{over: &over, line: c.line, body: c.body}).received(t, "library.v1.Library."+c.method, c.message)
	}
	got := do(t, request{over: &over, line: "POST /v1/everything", body: everything})
	got.received(t, "everything.v1.EverythingService.Echo", everything)
}

// TestChange has a rule that is added while the gateway runs.
func TestChange(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(protos)); err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(strictConfig, `"PROTOS"`, fmt.Sprintf("%q", folder), 1)
	changing, err := startGateway(config, up.address, "")
	if err != nil {
		t.Fatal(err)
	}
	defer changing.stop()
	over := transport{"h1", "http", 1, h1.client, changing}
	get := request{over: &over, line: "GET /v2/shelves/5"}
	if got := do(t, get); got.StatusCode != 404 {
		t.Fatalf("%d %q", got.StatusCode, got.body)
	}
	path := filepath.Join(folder, "library.proto")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `get: "/v1/shelves/{shelf}"`, `get: "/v2/shelves/{shelf}"`, 1)
	if err := os.WriteFile(path+".new", []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		got := do(t, get)
		if got.StatusCode == 200 {
			got.received(t, "library.v1.Library.GetShelf", `{"shelf":"5"}`)
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the rule is not there: %d %q", got.StatusCode, got.body)
		}
	}
	// What else the path had is left.
	if got := do(t, request{over: &over, line: "GET /v1/shelves/5"}); got.StatusCode != 405 || got.Header.Get("Allow") != "DELETE, POST" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

// TestManyAtOnce has calls side by side, each of which must get its own answer.
func TestManyAtOnce(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			var all sync.WaitGroup
			for worker := range 32 {
				all.Go(func() {
					for turn := range 20 {
						id := fmt.Sprint(worker*1000 + turn + 1)
						got := do(t, request{over: &over, line: "PUT /v1/books/" + id, body: `{"title":"` + strings.Repeat(id, 500) + `"}`})
						sameJSON(t, got.body, `{"id":"`+id+`","title":"`+strings.Repeat(id, 500)+`"}`)
					}
				})
			}
			all.Wait()
		})
	}
}

// settled waits until a count has stood still for as long as it takes to believe that it will not go on, and answers it.
func settled(count *atomic.Int64) int64 {
	last := int64(-1)
	for now := count.Load(); now != last || now == 0; now = count.Load() {
		last = now
		time.Sleep(500 * time.Millisecond)
	}
	return last
}

// TestBackpressure has peers that do not read: who sends to them is held up, and loses nothing.
func TestBackpressure(t *testing.T) {
	const messages, size = 2000, 16 << 10
	title := strings.Repeat("x", size)
	for _, over := range transports {
		t.Run(over.name+" response", func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			got := open(t, request{over: &over, line: watch, header: map[string]string{"Accept": "application/x-ndjson"},
				answer: func(c *call) error {
					response := c.upstream.parse(c.method.Output(), `{"title":"`+title+`"}`)
					for range messages {
						if err := c.SendMsg(response); err != nil {
							return err
						}
						sent.Add(1)
					}
					return nil
				}})
			defer got.Body.Close()
			if before := settled(&sent); before == messages {
				t.Error("a response of 32 MB that nobody reads is somewhere")
			}
			body, err := io.ReadAll(got.Body)
			if err != nil || len(body) != messages*(len(`{"title":""}`)+1+size) {
				t.Errorf("%d bytes, %v", len(body), err)
			}
		})
		t.Run(over.name+" request", func(t *testing.T) {
			t.Parallel()
			line := []byte(`{"title":"` + title + "\"}\n")
			taken, release := &slowReader{left: messages, line: line}, make(chan struct{})
			done := make(chan *response, 1)
			go func() {
				defer close(done)
				done <- do(t, request{over: &over, line: "POST /v1/shelves/1/books:import", stream: taken,
					header: map[string]string{"Content-Type": "application/x-ndjson"},
					answer: func(c *call) error {
						<-release
						return echo(c)
					}})
			}()
			before := settled(&taken.taken)
			close(release)
			if before == messages {
				t.Error("a request of 32 MB that nobody reads is somewhere")
			}
			got, ok := <-done
			if !ok {
				return
			}
			if call := got.arrived(t, "library.v1.Library.ImportBooks"); len(call.requests) != messages || got.StatusCode != 200 {
				t.Errorf("%d messages, %d %q", len(call.requests), got.StatusCode, got.body)
			}
		})
	}
}

// slowReader is a body of equal lines that counts those taken from it.
type slowReader struct {
	left  int
	line  []byte
	rest  []byte
	taken atomic.Int64
}

func (r *slowReader) Read(into []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.taken.Add(1)
		r.rest = r.line
	}
	n := copy(into, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
