package rest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial is a connection on which a test writes HTTP/1.1 itself.
func dial(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	socket, err := net.Dial("tcp", gw.addresses["http"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	socket.SetDeadline(time.Now().Add(patience))
	return socket, bufio.NewReader(socket)
}

func read(t *testing.T, from *bufio.Reader) (*http.Response, string) {
	t.Helper()
	got, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(body)
}

// TestBodiesOfRefusals has bodies of requests that are answered without being read: none of it is another request.
func TestBodiesOfRefusals(t *testing.T) {
	const inner = "GET /v1/shelves/666 HTTP/1.1\r\nhost: api.test\r\nx-call: smuggled\r\n\r\n"
	for _, head := range []string{
		"PUT /v1/books/1 HTTP/1.1\r\ncontent-type: text/plain", "GET /v1/raw HTTP/1.1\r\ncontent-type: application/json",
		"PUT /v1/books/x HTTP/1.1\r\ncontent-type: application/json", "PUT /v1/books/1?a=b HTTP/1.1\r\ncontent-type: application/json",
		"GET /v1/shelves HTTP/1.1\r\ncontent-type: application/json",
	} {
		for _, body := range []string{
			fmt.Sprintf("content-length: %d\r\n\r\n%s", len(inner), inner),
			fmt.Sprintf("transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(inner), inner),
		} {
			t.Run(head+" "+body[:16], func(t *testing.T) {
				socket, from := dial(t)
				if _, err := io.WriteString(socket, head+"\r\nhost: api.test\r\n"+body); err != nil {
					t.Fatal(err)
				}
				if got, text := read(t, from); got.StatusCode < 400 || got.StatusCode > 499 {
					t.Errorf("%d %q", got.StatusCode, text)
				}
				// The connection goes on with a request of its own, or not at all.
				io.WriteString(socket, "GET /v1/shelves/1 HTTP/1.1\r\nhost: api.test\r\nx-call: own\r\nconnection: close\r\n\r\n")
				rest, _ := io.ReadAll(from)
				if strings.Count(string(rest), "HTTP/1.1 ") > 1 {
					t.Errorf("%q", rest)
				}
				up.mutex.Lock()
				defer up.mutex.Unlock()
				if len(up.calls["smuggled"]) != 0 {
					t.Error("the body of a request is a request")
				}
			})
		}
	}
}

// TestExpect has a client that sends its body only when it is told to, as curl does with large ones.
func TestExpect(t *testing.T) {
	socket, from := dial(t)
	const head = "PUT /v1/books/1 HTTP/1.1\r\nhost: api.test\r\nexpect: 100-continue\r\ncontent-length: 13\r\nconnection: close\r\n\r\n"
	if _, err := io.WriteString(socket, head); err != nil {
		t.Fatal(err)
	}
	if got, err := http.ReadResponse(from, nil); err != nil || got.StatusCode != 100 {
		t.Fatalf("%v %v", got, err)
	}
	if _, err := io.WriteString(socket, `{"title":"T"}`); err != nil {
		t.Fatal(err)
	}
	got, body := read(t, from)
	if got.StatusCode != 200 {
		t.Errorf("%d", got.StatusCode)
	}
	sameJSON(t, body, `{"id":"1","title":"T"}`)
}
