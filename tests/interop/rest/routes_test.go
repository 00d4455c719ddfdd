package rest

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// TestSite has a website and a REST interface on one host: what no template takes is the site's.
func TestSite(t *testing.T) {
	for _, over := range transports {
		for _, c := range []struct{ line, answer string }{
			{"GET /", "GET /"},
			{"GET /v1/nowhere?a=b", "GET /v1/nowhere?a=b"},
			{"POST /v1/raw:lend", "POST /v1/raw:lend"},
			{"GET /v1/shelves/", "GET /v1/shelves/"},
			{"GET /v1//shelves", "GET /v1//shelves"},
			{"GET /v1/shelves/1/books/2/cover/back", "GET /v1/shelves/1/books/2/cover/back"},
			// A method without a rule has no path of REST.
			{"GET /library.v1.Library/Unbound", "GET /library.v1.Library/Unbound"},
		} {
			t.Run(over.name+" "+c.line, func(t *testing.T) {
				got := do(t, request{over: &over, line: c.line})
				if got.StatusCode != 200 || got.body != "the site: "+c.answer {
					t.Errorf("%d %q", got.StatusCode, got.body)
				}
			})
		}
		t.Run(over.name+" templates go first", func(t *testing.T) {
			got := do(t, request{over: &over, line: "GET /v1/shelves"})
			got.received(t, "library.v1.Library.ListShelves", `{}`)
		})
	}
}

// TestOtherProtocols has gRPC and Connect where REST is: paths of methods stay theirs.
func TestOtherProtocols(t *testing.T) {
	conn, err := grpc.NewClient("passthrough:///"+gw.addresses["http"], grpc.WithAuthority("api.test"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "x-call", "grpc"), patience)
	defer cancel()
	echo := up.method("library.v1.Library/Echo")
	sent, got := up.parse(echo.Input(), `{"id":"3","title":"T"}`), dynamicpb.NewMessage(echo.Output())
	if err := conn.Invoke(ctx, "/library.v1.Library/Echo", sent, got); err != nil || !proto.Equal(sent, got) {
		t.Errorf("gRPC: %v %v", got, err)
	}
	connect := do(t, request{line: "POST /library.v1.Library/Unbound", body: `{"shelf":"7"}`, answer: respond(`{"id":"1"}`)})
	connect.received(t, "library.v1.Library.Unbound", `{"shelf":"7"}`)
	connect.succeeded(t, `{"id":"1"}`)
}

// TestPaths has paths that a server could read in two ways, on a host without a site: none of them is a call.
func TestPaths(t *testing.T) {
	for _, line := range []string{
		"GET /v1/nowhere", "GET /v1/shelves/", "GET /v1//shelves", "GET /v1/shelves/..", "GET /v1/anywhere/a/../b",
		"GET /v1/anywhere/.", "GET /v1/anywhere/%2e%2e/b", "GET /v1/anywhere/a%2F..%2Fb", "GET /v1/anywhere/%2E", "GET /v1/anywhere/a%00",
		"GET /v1/anywhere/a%zz", "GET /v1/anywhere/%ff", "GET /v1/anywhere/..%5Ca", "GET /v1/shelves%2F1", "GET /v1%2Fshelves",
		"GET /v1/shelves/1/books/2%3AbyName/x", "POST /v1/shelves/1/books/2%3Aborrow",
	} {
		t.Run(line, func(t *testing.T) {
			for _, over := range transports {
				got := do(t, request{over: &over, line: line, host: "small.test"})
				if got.StatusCode != 404 && got.StatusCode != 405 && got.StatusCode != 400 {
					t.Errorf("%s: %d %q", over.name, got.StatusCode, got.body)
				}
				if got.abandoned(t) != 0 || len(up.calls[got.id]) != 0 {
					t.Errorf("%s: it is a call", over.name)
				}
			}
		})
	}
}

// TestOtherMethods has what a path does not take.
func TestOtherMethods(t *testing.T) {
	for _, c := range []struct{ line, allow string }{
		{"POST /v1/shelves/1/books/2", "GET, OPTIONS, PATCH, PUT"},
		{"PATCH /v1/shelves", "GET, POST"},
		{"GET /v1/raw", "POST"},
		{"OPTIONS /v1/raw", "POST"},
		{"BREW /v1/everything/numbers", "PUT"},
	} {
		got := do(t, request{line: c.line})
		if got.StatusCode != 405 || got.Header.Get("Allow") != c.allow {
			t.Errorf("%s: %d, allow: %q", c.line, got.StatusCode, got.Header.Get("Allow"))
		}
	}
	// Only one method is routed on this host.
	if got := do(t, request{line: "DELETE /v1/shelves/1", host: "some.test"}); got.Header.Get("Allow") != "GET" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	do(t, request{line: "GET /v1/shelves/1", host: "some.test"}).received(t, "library.v1.Library.GetShelf", `{"shelf":"1"}`)
	if got := do(t, request{line: "GET /v1/shelves", host: "some.test"}); got.StatusCode != 404 {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
}

// TestContentTypes has what a body may say that it is.
func TestContentTypes(t *testing.T) {
	for contentType, status := range map[string]int{
		"": 200, "application/json": 200, "Application/JSON; charset=utf-8": 200, "application/merge-patch+json": 200,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/xml": 415, "text/json": 415,
	} {
		got := do(t, request{line: "PUT /v1/books/1", body: `{}`, header: map[string]string{"Content-Type": contentType}})
		if got.StatusCode != status {
			t.Errorf("%q: %d %s", contentType, got.StatusCode, got.body)
		}
	}
}

// TestStatus has the HTTP status of every code, and all that an error tells.
func TestStatus(t *testing.T) {
	for code, status := range map[codes.Code]int{
		codes.Canceled: 499, codes.Unknown: 500, codes.InvalidArgument: 400, codes.DeadlineExceeded: 504, codes.NotFound: 404,
		codes.AlreadyExists: 409, codes.PermissionDenied: 403, codes.ResourceExhausted: 429, codes.FailedPrecondition: 400,
		codes.Aborted: 409, codes.OutOfRange: 400, codes.Unimplemented: 501, codes.Internal: 500, codes.DataLoss: 500,
		codes.Unauthenticated: 401,
	} {
		got := do(t, request{line: "GET /v1/shelves/1", answer: respondAndFail(fail(code, "é \"quoted\""))})
		got.failed(t, status, int(code), "é \"quoted\"")
	}
	for _, line := range []string{"GET /v1/shelves/1", watch} {
		got := do(t, request{line: line, answer: func(c *call) error {
			c.SetTrailer(metadata.Pairs("x-why", "fire", "www-authenticate", "Bearer"))
			return fail(codes.Unavailable, "closed", &errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
				missing("key"), &errdetails.ErrorInfo{Reason: "FIRE", Metadata: map[string]string{"wing": "b"}})
		}})
		got.failed(t, 503, 14, "closed")
		sameJSON(t, got.body, `{"code":14,"message":"closed","details":[
			{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"},
			{"@type":"type.googleapis.com/library.v1.Missing","name":"key"},
			{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"FIRE","metadata":{"wing":"b"}}]}`)
		if got.Header.Get("Retry-After") != "2" || got.Header.Get("Www-Authenticate") != "Bearer" {
			t.Errorf("%v", got.Header)
		}
	}
	do(t, request{line: "GET /v1/shelves/1", host: "nobody.test"}).refused(t, 503, 14, "")
}

// TestMetadata has what of the headers of each side reaches the other.
func TestMetadata(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			got := do(t, request{over: &over, line: "GET /v1/shelves/1",
				header: map[string]string{
					"Authorization": "Bearer x", "X-Tenant": "t", "Grpc-Metadata-Color": "red", "Traceparent": "00-1-2-03",
					"Accept": "application/json", "If-None-Match": "x", "Sec-Fetch-Mode": "cors", "Grpc-Timeout": "9S", "Cookie": "a=b",
				},
				answer: func(c *call) error {
					c.SetHeader(metadata.Pairs("x-shelf", "oak", "x-http-code", "201", "content-type", "text/evil", "a-bin", "\x00\xff"))
					c.SetTrailer(metadata.Pairs("x-page", "2"))
					return echo(c)
				}})
			arrived := got.arrived(t, "library.v1.Library.GetShelf")
			for name, want := range map[string]string{
				"authorization": "Bearer x", "x-tenant": "t", "color": "red", "traceparent": "00-1-2-03", "cookie": "a=b",
				"accept": "", "if-none-match": "", "sec-fetch-mode": "", "grpc-metadata-color": "",
			} {
				if has := first(arrived.metadata, name); has != want {
					t.Errorf("%s: %q, not %q", name, has, want)
				}
			}
			deadline, ok := arrived.Context().Deadline()
			if left := time.Until(deadline); !ok || left > 9*time.Second || left < -patience {
				t.Errorf("the deadline is in %v", left)
			}
			for name, want := range map[string]string{
				"X-Shelf": "oak", "Grpc-Trailer-X-Page": "2", "Content-Type": "application/json", "X-Http-Code": "", "A-Bin": "AP8",
			} {
				if has := got.Header.Get(name); strings.TrimRight(has, "=") != want {
					t.Errorf("%s: %q, not %q", name, has, want)
				}
			}
			if got.StatusCode != 201 {
				t.Errorf("x-http-code: %d", got.StatusCode)
			}

			trailers := func(c *call) error {
				c.SetTrailer(metadata.Pairs("x-page", "2"))
				return c.send(`{}`)
			}
			got = do(t, request{over: &over, line: watch, header: map[string]string{"Te": "trailers"}, answer: trailers})
			want := ""
			if over.version > 1 {
				want = "2"
			}
			if has := got.Trailer.Get("X-Page"); has != want {
				t.Errorf("the trailer is %q, not %q", has, want)
			}
		})
	}
	do(t, request{line: "GET /v1/shelves/1", header: map[string]string{"Grpc-Timeout": "soon"}}).refused(t, 400, 3, "")
	got := do(t, request{line: "GET /v1/shelves/1", header: map[string]string{"Grpc-Timeout": "50m"}, answer: func(c *call) error {
		<-c.Context().Done()
		return c.Context().Err()
	}})
	got.failed(t, 504, 4, "")
}

// TestFilters has filters between a client of REST and its method.
func TestFilters(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			origin := map[string]string{"Origin": "https://app.example.com"}
			got := do(t, request{over: &over, host: "keys.test", line: "GET /v1/shelves/1", header: origin})
			got.refused(t, 401, 16, "")
			if got.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
				t.Errorf("a page cannot read its refusal: %v", got.Header)
			}
			got = do(t, request{over: &over, host: "keys.test", line: watch, header: map[string]string{"Accept": "text/event-stream"}})
			got.refused(t, 401, 16, "")

			with := map[string]string{"Origin": "https://app.example.com", "X-Api-Key": "open-sesame-0123456789"}
			got = do(t, request{over: &over, host: "keys.test", line: "GET /v1/shelves/1", header: with, answer: respond(`{"id":"1"}`)})
			got.succeeded(t, `{"id":"1"}`)
			if got.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
				t.Errorf("a page cannot read its response: %v", got.Header)
			}
			if key := first(got.arrived(t, "library.v1.Library.GetShelf").metadata, "x-api-key"); key != "" {
				t.Error("the upstream is told the key")
			}

			ask := map[string]string{"Origin": "https://app.example.com", "Access-Control-Request-Method": "DELETE",
				"Access-Control-Request-Headers": "x-api-key,content-type"}
			got = do(t, request{over: &over, host: "keys.test", line: "OPTIONS /v1/shelves/1", header: ask})
			methods := strings.Split(strings.ReplaceAll(got.Header.Get("Access-Control-Allow-Methods"), " ", ""), ",")
			if got.StatusCode != 204 || !slices.Contains(methods, "DELETE") {
				t.Errorf("the preflight: %d %v", got.StatusCode, got.Header)
			}
			// A rule that binds OPTIONS takes preflights too.
			got = do(t, request{over: &over, line: "OPTIONS /v1/shelves/1/books/2", header: ask})
			got.received(t, "library.v1.Library.BookOptions", `{"shelf":"1","book":"2"}`)
		})
	}
	do(t, request{host: "slow.test", line: "GET /v1/shelves/1"}).received(t, "library.v1.Library.GetShelf", `{"shelf":"1"}`)
	for _, line := range []string{"GET /v1/shelves/1", watch} {
		got := do(t, request{host: "slow.test", line: line})
		got.refused(t, 429, 8, "")
		if got.Header.Get("Retry-After") == "" || got.Header.Get("X-Ratelimit-Limit") == "" {
			t.Errorf("the limit is not told: %v", got.Header)
		}
	}
}

// TestMetrics has what the gateway's own metrics say of these calls.
func TestMetrics(t *testing.T) {
	do(t, request{line: "DELETE /v1/shelves/1"}).received(t, "library.v1.Library.DeleteShelf", `{"shelf":"1"}`)
	get := func() string {
		got, err := http.Get("http://" + gw.addresses["admin"] + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		page, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	// A call is counted after its response was sent.
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(get()) {
			words := []string{"sluicegate_downstream_rq_total{", `method="DeleteShelf"`, `service="library.v1.Library"`, `"rest"`, `grpc_status="0"`}
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
				return
			}
		}
	}
	t.Error("no metric tells of the call")
}

// TestLimits has messages of more than 64 bytes where 64 are the most.
func TestLimits(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			small := func(line, body string, answer func(*call) error) *response {
				return do(t, request{over: &over, host: "small.test", line: line, body: body, answer: answer, mayReset: answer != nil})
			}
			small("PUT /v1/books/1", `{"title":"`+long+`"}`, nil).refused(t, 429, 8, "64")
			small("PUT /v1/books/1", `{"title":"short"}`, nil).received(t, "library.v1.Library.ReplaceBook", `{"id":"1","title":"short"}`)
			got := small("POST /v1/shelves/1/books:import", `[{"title":"a"},{"title":"`+long+`"}]`, nil)
			got.failed(t, 429, 8, "64")
			got.abandoned(t)
			small("GET /v1/shelves/1/books/2", "", respond(`{"title":"`+long+`"}`)).failed(t, 429, 8, "64")
			got = small(watch, "", respond(`{"title":"a"}`, `{"title":"`+long+`"}`))
			if got.broken == nil && got.StatusCode == 200 {
				t.Errorf("%d %q", got.StatusCode, got.body)
			}
			// A stream may be longer than one message.
			list := "[" + strings.Repeat(`{"title":"abcdefgh"},`, 50) + "{}]"
			got = small("POST /v1/shelves/1/books:import", list, nil)
			if call := got.arrived(t, "library.v1.Library.ImportBooks"); len(call.requests) != 51 {
				t.Errorf("%d messages", len(call.requests))
			}
		})
	}
}

// TestAbandoned has clients that go away: the upstream learns of it.
func TestAbandoned(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			got := open(t, request{over: &over, line: watch, header: map[string]string{"Accept": "text/event-stream"},
				answer: func(c *call) error {
					if err := c.send(`{}`); err != nil {
						return err
					}
					<-c.Context().Done()
					return c.Context().Err()
				}})
			line := make([]byte, 6)
			if _, err := got.Body.Read(line); err != nil || string(line) != "data: " {
				t.Errorf("%q %v", line, err)
			}
			got.Body.Close()
			if call := got.arrived(t, "library.v1.Library.WatchBooks"); call.err == nil {
				t.Error("the call ended well")
			}
		})
	}
	// A body that is announced and never comes.
	socket, err := net.Dial("tcp", gw.addresses["http"])
	if err != nil {
		t.Fatal(err)
	}
	head := "PUT /v1/books/1 HTTP/1.1\r\nhost: api.test\r\nx-call: cut-off\r\ncontent-length: 100\r\n\r\n{\"title\":"
	if _, err := socket.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	socket.Close()
	// Whatever comes next on the same gateway goes on.
	do(t, request{line: "GET /v1/shelves"}).received(t, "library.v1.Library.ListShelves", `{}`)
	if got := (&response{Response: &http.Response{}, id: "cut-off"}); got.abandoned(t) != 0 {
		t.Error("half a body is a message")
	}
}
