package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go/http3"
	"google.golang.org/protobuf/proto"
)

// transport is what carries a request.
type transport struct {
	name string
	// listener is the kind of socket that it goes to.
	listener string
	version  int
	client   func() *http.Client
	// to is where it leads, if it is not the gateway of all tests.
	to *gateway
}

var (
	h1 = transport{"h1", "http", 1, sync.OnceValue(func() *http.Client {
		return &http.Client{Transport: &http.Transport{DisableCompression: true}, CheckRedirect: noRedirect}
	}), nil}
	h2 = transport{"h2", "tls", 2, sync.OnceValue(func() *http.Client {
		with := &http.Transport{TLSClientConfig: trust(), ForceAttemptHTTP2: true, DisableCompression: true}
		return &http.Client{Transport: with, CheckRedirect: noRedirect}
	}), nil}
	h3 = transport{"h3", "quic", 3, sync.OnceValue(func() *http.Client {
		with := &http3.Transport{TLSClientConfig: trust(), DisableCompression: true}
		return &http.Client{Transport: with, CheckRedirect: noRedirect}
	}), nil}
	transports = []transport{h1, h2, h3}
)

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func trust() *tls.Config { return &tls.Config{RootCAs: gw.authority} }

func closeClients() {
	for _, over := range transports {
		over.client().CloseIdleConnections()
		if closer, ok := over.client().Transport.(io.Closer); ok {
			closer.Close()
		}
	}
}

// request is what a client sends.
type request struct {
	// line is `GET /path?query`, sent as it is.
	line   string
	body   string
	header map[string]string
	// stream is the body instead, if it is to be written bit by bit.
	stream io.Reader
	// host is the authority, `api.test` unless it is set.
	host string
	over *transport
	// mayReset is whether the response may be reset before its head was read.
	mayReset bool
	// answer is what the upstream does.
	answer func(*call) error
}

// response is all of what a client got.
type response struct {
	*http.Response
	body string
	// broken says how the body was cut off.
	broken error
	id     string
}

var lastID atomic.Int64

// open sends a request and waits for the head of its response. Its body is the caller's to read and close.
func open(t *testing.T, r request) *response {
	t.Helper()
	over := r.over
	if over == nil {
		over = &h1
	}
	id := strconv.FormatInt(lastID.Add(1), 10)
	up.mutex.Lock()
	up.answers[id] = r.answer
	up.mutex.Unlock()
	method, target, _ := strings.Cut(r.line, " ")
	scheme := "https"
	if over.listener == "http" {
		scheme = "http"
	}
	to := over.to
	if to == nil {
		to = gw
	}
	path, query, _ := strings.Cut(target, "?")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	sent := &http.Request{
		Method: method,
		// Opaque is sent as it is.
		URL:    &url.URL{Scheme: scheme, Host: to.addresses[over.listener], Opaque: path, RawQuery: query},
		Header: http.Header{"X-Call": {id}},
		Host:   "api.test",
	}
	if r.host != "" {
		sent.Host = r.host
	}
	if r.stream != nil {
		sent.Body, sent.ContentLength = io.NopCloser(r.stream), -1
	} else if r.body != "" {
		sent.Body, sent.ContentLength = io.NopCloser(strings.NewReader(r.body)), int64(len(r.body))
		sent.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		sent.Header.Set(name, value)
		if value == "" {
			sent.Header.Del(name)
		}
	}
	got, err := over.client().Do(sent.WithContext(ctx))
	if err != nil && r.mayReset {
		return &response{Response: &http.Response{Body: http.NoBody}, broken: err, id: id}
	}
	if err != nil {
		t.Fatalf("%s over %s: %v", r.line, over.name, err)
	}
	if got.ProtoMajor != over.version {
		t.Fatalf("%s was answered over %s", over.name, got.Proto)
	}
	return &response{Response: got, id: id}
}

// do sends a request and reads all of its response.
func do(t *testing.T, r request) *response {
	t.Helper()
	got := open(t, r)
	defer got.Body.Close()
	if got.broken != nil {
		return got
	}
	body, err := io.ReadAll(got.Body)
	got.body, got.broken = string(body), err
	return got
}

// arrived are the requests of the only call that reached the upstream, which must have been of this method.
func (r *response) arrived(t *testing.T, method string) *call {
	t.Helper()
	up.mutex.Lock()
	calls := up.calls[r.id]
	up.mutex.Unlock()
	if len(calls) != 1 {
		t.Fatalf("%d calls reached the upstream; the response is %d %q", len(calls), r.StatusCode, r.body)
	}
	calls[0].end(t)
	if got := string(calls[0].method.FullName()); got != method {
		t.Fatalf("%s was called, not %s", got, method)
	}
	return calls[0]
}

// received checks that these messages, given as JSON, reached a method of the upstream.
func (r *response) received(t *testing.T, method string, want ...string) {
	t.Helper()
	call := r.arrived(t, method)
	if len(call.requests) != len(want) {
		t.Fatalf("%d messages arrived, not %d", len(call.requests), len(want))
	}
	for i, request := range call.requests {
		if wanted := up.parse(call.method.Input(), want[i]); !proto.Equal(request, wanted) {
			t.Errorf("message %d\n has %s\nwant %s", i, up.print(request), up.print(wanted))
		}
	}
}

// refused checks that no message reached the upstream, and that the body is an error with this code and words in its
// message.
func (r *response) refused(t *testing.T, status int, code int, words string) {
	t.Helper()
	if messages := r.abandoned(t); messages != 0 {
		t.Errorf("%d messages arrived", messages)
	}
	r.failed(t, status, code, words)
}

// abandoned checks that no call ended well for the upstream, and counts the messages that it got. A call may begin
// upstream before all of its body has come.
func (r *response) abandoned(t *testing.T) int {
	t.Helper()
	up.mutex.Lock()
	calls := up.calls[r.id]
	up.mutex.Unlock()
	messages := 0
	for _, call := range calls {
		call.end(t)
		messages += len(call.requests)
		if call.err == nil {
			t.Errorf("%v is a whole call for the upstream", call.requests)
		}
	}
	return messages
}

// failed checks the head of an error and its body.
func (r *response) failed(t *testing.T, status int, code int, words string) {
	t.Helper()
	var body struct {
		Code    int
		Message string
		Details []any
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatalf("%d %q is no error: %v", r.StatusCode, r.body, err)
	}
	if r.StatusCode != status || body.Code != code || !strings.Contains(body.Message, words) {
		t.Errorf("has %d %s, not %d with %d and %q", r.StatusCode, r.body, status, code, words)
	}
	if body.Details == nil || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("no error of REST: %v %s", r.Header, r.body)
	}
}

// succeeded checks that the response is 200 with this JSON.
func (r *response) succeeded(t *testing.T, want string) {
	t.Helper()
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" || r.broken != nil {
		t.Errorf("%d %v %q %v", r.StatusCode, r.Header, r.body, r.broken)
	}
	sameJSON(t, r.body, want)
}

func sameJSON(t *testing.T, has, want string) {
	t.Helper()
	if !reflect.DeepEqual(value(t, has), value(t, want)) {
		t.Errorf("\n has %s\nwant %s", has, want)
	}
}

// value reads JSON; numbers keep their digits.
func value(t *testing.T, text string) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if decoder.More() {
		t.Fatalf("%q goes on", text)
	}
	return value
}
