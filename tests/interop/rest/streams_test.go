package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

const watch = "GET /v1/shelves/1/books"

// TestResponseStreams has each form of a stream of responses, whole, empty, and with an error behind two messages.
func TestResponseStreams(t *testing.T) {
	broken := func() error { return fail(codes.DataLoss, "torn page", missing("p. 7")) }
	const failed = `{"code":15,"message":"torn page","details":[{"@type":"type.googleapis.com/library.v1.Missing","name":"p. 7"}]}`
	for _, c := range []struct{ accept, contentType, whole, empty, failed string }{
		{"", "application/json", `[{"id":"1"},{"title":"é\n"}]`, `[]`, ``},
		{"*/*", "application/json", `[{"id":"1"},{"title":"é\n"}]`, `[]`, ``},
		{"application/json", "application/json", `[{"id":"1"},{"title":"é\n"}]`, `[]`, ``},
		{"application/x-ndjson", "application/x-ndjson", "{\"id\":\"1\"}\n{\"title\":\"é\\n\"}\n", "",
			"{\"id\":\"1\"}\n{\"title\":\"é\\n\"}\n{\"error\":" + failed + "}\n"},
		{"application/json-seq", "application/json-seq", "\x1e{\"id\":\"1\"}\n\x1e{\"title\":\"é\\n\"}\n", "",
			"\x1e{\"id\":\"1\"}\n\x1e{\"title\":\"é\\n\"}\n\x1e{\"error\":" + failed + "}\n"},
		{"text/event-stream", "text/event-stream",
			"data: {\"id\":\"1\"}\n\ndata: {\"title\":\"é\\n\"}\n\nevent: end\ndata: {\"x-page\":[\"2\",\"3\"]}\n\n",
			"event: end\ndata: {\"x-page\":[\"2\",\"3\"]}\n\n",
			"data: {\"id\":\"1\"}\n\ndata: {\"title\":\"é\\n\"}\n\nevent: error\ndata: " + failed +
				"\n\nevent: end\ndata: {\"x-page\":[\"2\",\"3\"]}\n\n"},
	} {
		for _, over := range transports {
			t.Run(over.name+" "+c.accept, func(t *testing.T) {
				get := func(answer func(*call) error) *response {
					got := do(t, request{over: &over, line: watch, header: map[string]string{"Accept": c.accept},
						mayReset: true, answer: func(c *call) error {
							c.SetHeader(metadata.Pairs("x-shelf", "oak"))
							c.SetTrailer(metadata.Pairs("x-page", "2", "x-page", "3"))
							return answer(c)
						}})
					got.received(t, "library.v1.Library.WatchBooks", `{"shelf":"1"}`)
					return got
				}
				stream := func(what string, got *response, want string) {
					t.Helper()
					head := []string{got.Header.Get("Content-Type"), got.Header.Get("Vary"), got.Header.Get("X-Shelf")}
					if got.StatusCode != 200 || !slices.Equal(head, []string{c.contentType, "accept", "oak"}) {
						t.Errorf("%s: %d %v", what, got.StatusCode, got.Header)
					}
					if got.body != want || got.broken != nil {
						t.Errorf("%s\n has %q %v\nwant %q", what, got.body, got.broken, want)
					}
				}
				whole := get(respond(`{"id":"1"}`, `{"title":"é\n"}`))
				stream("whole", whole, whole.body)
				if c.contentType == "application/json" {
					sameJSON(t, whole.body, c.whole)
				} else {
					stream("whole", whole, c.whole)
				}
				stream("empty", get(respond()), c.empty)
				torn := get(respondAndFail(broken(), `{"id":"1"}`, `{"title":"é\n"}`))
				if c.contentType != "application/json" {
					stream("torn", torn, c.failed)
				} else if torn.broken == nil || json.Valid([]byte(torn.body)) {
					t.Errorf("an array that breaks off looks whole: %q", torn.body)
				}
				// An error before the first message is a status, but for events, whose head does not wait.
				early := get(respondAndFail(broken()))
				if c.contentType == "text/event-stream" {
					stream("early", early, "event: error\ndata: "+failed+"\n\nevent: end\ndata: {\"x-page\":[\"2\",\"3\"]}\n\n")
				} else {
					early.failed(t, 500, 15, "torn page")
					sameJSON(t, early.body, failed)
				}
			})
		}
	}
}

// TestWeights has clients that take several forms.
func TestWeights(t *testing.T) {
	for accept, want := range map[string]string{
		"application/x-ndjson, application/json":                   "application/x-ndjson",
		"application/json;q=0.5, text/event-stream":                "text/event-stream",
		"application/x-ndjson;q=0, application/json":               "application/json",
		"text/html, application/xhtml+xml, */*;q=0.8":              "application/json",
		"text/plain, APPLICATION/X-NDJSON ; q=0.1":                 "application/x-ndjson",
		"application/jsonl;q=0.3,application/json-seq;q=0.301,x/y": "application/json-seq",
	} {
		got := do(t, request{line: watch, header: map[string]string{"Accept": accept}, answer: respond(`{}`)})
		if has := got.Header.Get("Content-Type"); has != want {
			t.Errorf("%s: %s, not %s", accept, has, want)
		}
	}
}

// TestMessagesFlow has a client and an upstream that take turns, so nobody may hold anything back.
func TestMessagesFlow(t *testing.T) {
	for _, over := range []transport{h2, h3} {
		for _, form := range []string{"application/json", "application/x-ndjson"} {
			t.Run(over.name+" "+form, func(t *testing.T) {
				reader, writer := io.Pipe()
				defer writer.Close()
				opening := ""
				if form == "application/json" {
					opening = "["
				}
				go io.WriteString(writer, opening+`{"id":"0"}`+"\n")
				got := open(t, request{over: &over, line: "POST /v1/discussion", stream: reader,
					header: map[string]string{"Content-Type": form, "Accept": "application/x-ndjson"}})
				defer got.Body.Close()
				lines := bufio.NewReader(got.Body)
				for turn := range 5 {
					line, err := lines.ReadString('\n')
					want := fmt.Sprintf(`{"id":"%d"}`, turn)
					if turn == 0 {
						want = `{}`
					}
					if err != nil {
						t.Fatal(err)
					}
					sameJSON(t, line, want)
					comma := ""
					if opening != "" {
						comma = ","
					}
					fmt.Fprintf(writer, "%s{\"id\":\"%d\"}\n", comma, turn+1)
				}
				if opening != "" {
					io.WriteString(writer, "]")
				}
				writer.Close()
				if rest, err := io.ReadAll(lines); err != nil || strings.Count(string(rest), "\n") != 1 {
					t.Errorf("%q %v", rest, err)
				}
				if call := got.arrived(t, "library.v1.Library.Discuss"); len(call.requests) != 6 {
					t.Errorf("%d messages", len(call.requests))
				}
			})
		}
	}
}

// TestRequestStreams has each form of a stream of requests. Path and query are part of every message.
func TestRequestStreams(t *testing.T) {
	const line = "POST /v1/shelves/1/books:import?notify=true"
	one, two := `{"shelf":"1","notify":true,"book":{"title":"A"}}`, `{"shelf":"1","notify":true,"book":{"title":"]}\""}}`
	const a, b = `{"title":"A"}`, `{"title":"]}\""}`
	for _, c := range []struct {
		contentType, body string
		want              []string
	}{
		{"application/json", "[" + a + " ,\n" + b + "]\n", []string{one, two}},
		{"application/json", "[]", nil},
		{"application/json", "", nil},
		{"application/json", a, []string{one}},
		{"application/json", a + b, []string{one, two}},
		{"application/x-ndjson", a + "\n" + b + "\n", []string{one, two}},
		{"application/x-ndjson; charset=utf-8", a + "\r\n\r\n" + b, []string{one, two}},
		{"application/jsonl", a + "\n" + b, []string{one, two}},
		{"application/json-seq", "\x1e" + a + "\n\x1e" + b + "\n", []string{one, two}},
		{"", "[" + a + "]", []string{one}},
	} {
		t.Run(c.contentType+" "+c.body, func(t *testing.T) {
			got := do(t, request{line: line, stream: strings.NewReader(c.body), header: map[string]string{"Content-Type": c.contentType},
				answer: respond(`{"titles":["x"]}`)})
			got.received(t, "library.v1.Library.ImportBooks", c.want...)
			got.succeeded(t, `{"titles":["x"]}`)
		})
	}
	for _, c := range []struct{ contentType, body, words string }{
		{"application/json", "[" + a + "," + b, "ends inside"},
		{"application/json", "[" + a + ",]", "comma"},
		{"application/json", "[" + a + "]" + a, "behind the end"},
		{"application/json", "[" + a + `,{"author":{"id":"x"}}]`, "author.id"},
		{"application/x-ndjson", a + "\n[" + b + "]", ""},
		{"application/x-ndjson", a + "\n{", "ends inside"},
	} {
		t.Run("refuses "+c.body, func(t *testing.T) {
			got := do(t, request{line: line, body: c.body, header: map[string]string{"Content-Type": c.contentType}})
			got.failed(t, 400, 3, c.words)
			got.abandoned(t)
		})
	}
}

// TestCompressedRequests has bodies that clients compressed as a whole.
func TestCompressedRequests(t *testing.T) {
	pack := func(body string) string {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		io.WriteString(writer, body)
		writer.Close()
		return packed.String()
	}
	header := map[string]string{"Content-Encoding": "gzip"}
	one := pack(`{"title":"T"}`)
	got := do(t, request{line: "PUT /v1/books/1", body: one, header: header})
	got.received(t, "library.v1.Library.ReplaceBook", `{"id":"1","title":"T"}`)
	do(t, request{line: "PUT /v1/books/1", body: one[:20], header: header}).refused(t, 400, 3, "")
	do(t, request{line: "PUT /v1/books/1", body: one + "x", header: header}).refused(t, 400, 3, "")
	do(t, request{line: "PUT /v1/books/1", body: `{"title":"T"}`, header: header}).refused(t, 400, 3, "")
	got = do(t, request{line: "PUT /v1/books/1", body: "x", header: map[string]string{"Content-Encoding": "rot13"}})
	if got.StatusCode != 415 || !strings.Contains(got.Header.Get("Accept-Encoding"), "gzip") {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	got = do(t, request{line: "POST /v1/shelves/1/books:import", body: pack("{\"title\":\"A\"}\n{}\n"),
		header: map[string]string{"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"}})
	got.received(t, "library.v1.Library.ImportBooks", `{"shelf":"1","book":{"title":"A"}}`, `{"shelf":"1","book":{}}`)
	// What is small on the wire is measured by what it stands for.
	bomb := pack(`{"title":"` + strings.Repeat("0", 64<<20) + `"}`)
	for _, line := range []string{"PUT /v1/books/1", "POST /v1/shelves/1/books:import"} {
		do(t, request{line: line, body: bomb, header: header}).refused(t, 429, 8, "limit")
	}
}

// TestRawBodies has google.api.HttpBody in each direction, alone, as a field, and in streams.
func TestRawBodies(t *testing.T) {
	for _, over := range transports {
		t.Run(over.name, func(t *testing.T) {
			const bytes = "\x00\xff\r\n{"
			png := map[string]string{"Content-Type": "image/png"}
			got := do(t, request{over: &over, line: "POST /v1/raw", body: bytes, header: png})
			got.received(t, "library.v1.Library.EchoBody", `{"contentType":"image/png","data":"AP8NCns="}`)
			if got.body != bytes || got.Header.Get("Content-Type") != "image/png" {
				t.Errorf("%v %q", got.Header, got.body)
			}

			got = do(t, request{over: &over, line: "PUT /v1/shelves/1/books/2/cover", body: bytes, header: png})
			got.received(t, "library.v1.Library.PutCover", `{"shelf":"1","book":"2","cover":{"contentType":"image/png","data":"AP8NCns="}}`)
			got.succeeded(t, `{}`)

			got = do(t, request{over: &over, line: "GET /v1/shelves/1/books/2/cover",
				answer: respond(`{"contentType":"text/css","data":"YQ=="}`)})
			got.received(t, "library.v1.Library.GetCover", `{"shelf":"1","book":"2"}`)
			if got.body != "a" || got.Header.Get("Content-Type") != "text/css" {
				t.Errorf("%v %q", got.Header, got.body)
			}

			scan := request{over: &over, line: "GET /v1/shelves/1/books/2/scan",
				answer: respond(`{"contentType":"image/tiff","data":"YQ=="}`, `{"data":"AAA="}`, `{"contentType":"text/css","data":"Yg=="}`)}
			got = do(t, scan)
			if got.body != "a\x00\x00b" || got.Header.Get("Content-Type") != "image/tiff" {
				t.Errorf("%v %q", got.Header, got.body)
			}
			scan.mayReset, scan.answer = true, respondAndFail(fail(codes.Internal, "jam"), `{"data":"YQ=="}`)
			if got = do(t, scan); got.broken == nil {
				t.Errorf("half a scan looks whole: %q", got.body)
			}
			scan.answer = respondAndFail(fail(codes.NotFound, "no scan"))
			do(t, scan).failed(t, 404, 5, "no scan")

			large := strings.Repeat("0123456789abcdef", 1<<17)
			got = do(t, request{over: &over, line: "POST /v1/scans", stream: strings.NewReader(large), header: png})
			call := got.arrived(t, "library.v1.Library.WriteScan")
			sum, types := sha256.New(), []string{}
			for _, request := range call.requests {
				fields := request.ProtoReflect().Descriptor().Fields()
				sum.Write(request.ProtoReflect().Get(fields.ByName("data")).Bytes())
				types = append(types, request.ProtoReflect().Get(fields.ByName("content_type")).String())
			}
			if want := sha256.Sum256([]byte(large)); !slices.Equal(sum.Sum(nil), want[:]) || len(types) < 2 {
				t.Errorf("%d messages do not make up what was sent", len(types))
			}
			if types[0] != "image/png" || strings.Join(types[1:], "") != "" {
				t.Errorf("the content types are %q", types)
			}
		})
	}
}

// missing is a detail of an error that only the descriptors know.
func missing(name string) proto.Message {
	found, err := up.types.FindMessageByName("library.v1.Missing")
	if err != nil {
		panic(err)
	}
	return up.parse(found.Descriptor(), fmt.Sprintf(`{"name":%q}`, name))
}
