// The application of tests/webtransport/README.md on webtransport-go: a server that nobody of this project wrote, for
// the gateway to carry sessions to. Prints "listening HOST:PORT" when it is ready.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// session is what the application knows of one session.
type session struct {
	*webtransport.Session
	// What the client did, for the command "next".
	events chan string
}

// ends maps the names of sessions to how they ended.
type ends struct {
	mu    sync.Mutex
	named map[string]chan string
}

var sessions = ends{named: map[string]chan string{}}

// of answers where the end of the session with this name is put, once.
func (e *ends) of(name string) chan string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.named[name] == nil {
		e.named[name] = make(chan string, 1)
	}
	return e.named[name]
}

func main() {
	certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	server := webtransport.Server{
		H3: &http3.Server{
			TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}),
			Handler:   mux,
		},
		// Small enough that a test reaches all of them, so that they are seen to grow.
		Config:               &webtransport.Config{MaxIncomingStreams: 4, MaxIncomingUniStreams: 4, MaxIncomingData: 1 << 16},
		ApplicationProtocols: []string{"echo-1"},
		// The gateway has looked at it.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			fmt.Fprintln(w, "the application")
			return
		}
		if opened, err := server.Upgrade(w, r); err == nil {
			serve(&session{opened, make(chan string, 16)})
		}
	})
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", socket.LocalAddr())
	log.Fatal(server.Serve(socket))
}

func serve(s *session) {
	go s.echoDatagrams()
	go s.acceptUni()
	name := make(chan string, 1)
	for {
		stream, err := s.AcceptStream(context.Background())
		if err != nil {
			select {
			case name := <-name:
				sessions.of(name) <- describeEnd(err)
			default:
			}
			return
		}
		go s.command(stream, name)
	}
}

func describeEnd(err error) string {
	var closed *webtransport.SessionError
	if errors.As(err, &closed) && closed.Remote {
		return strings.TrimSpace(fmt.Sprintf("closed %d %s", closed.ErrorCode, closed.Message))
	}
	return "lost"
}

func (s *session) echoDatagrams() {
	for {
		datagram, err := s.ReceiveDatagram(context.Background())
		if err != nil {
			return
		}
		s.SendDatagram(datagram)
	}
}

func (s *session) acceptUni() {
	for {
		stream, err := s.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			if text, err := io.ReadAll(stream); err == nil {
				s.events <- "uni " + string(text)
			}
		}()
	}
}

// command does what the first line of a stream says.
func (s *session) command(stream *webtransport.Stream, name chan<- string) {
	request := bufio.NewReader(stream)
	line, err := request.ReadString('\n')
	if err != nil {
		return
	}
	word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	switch word {
	case "echo":
		io.Copy(stream, request)
	case "name":
		name <- rest
		fmt.Fprint(stream, "ok")
	case "bidi":
		s.openBidi(rest, stream)
	case "uni":
		if opened, err := s.OpenUniStreamSync(s.Context()); err == nil {
			fmt.Fprint(opened, rest)
			opened.Close()
			fmt.Fprint(stream, "ok")
		}
	case "reset":
		stream.CancelWrite(code(rest))
		return
	case "stop":
		stream.CancelRead(code(rest))
		fmt.Fprint(stream, "ok")
		stream.Close()
		return
	case "watch":
		fmt.Fprint(stream, "ok")
		s.watch(request, stream)
		return
	case "next":
		fmt.Fprint(stream, <-s.events)
	case "close":
		number, reason, _ := strings.Cut(rest, " ")
		s.CloseWithError(webtransport.SessionErrorCode(code(number)), reason)
		return
	case "end":
		fmt.Fprint(stream, <-sessions.of(rest))
	}
	// A stream that was not read to its end goes on counting.
	io.Copy(io.Discard, request)
	stream.Close()
}

// openBidi sends `text` on a stream of its own, and then passes on to `command` what comes back on that.
func (s *session) openBidi(text string, command io.Writer) {
	opened, err := s.OpenStreamSync(s.Context())
	if err != nil {
		return
	}
	fmt.Fprint(opened, text)
	opened.Close()
	io.Copy(command, opened)
}

// watch notes how the client ends the two directions of a stream before their time.
func (s *session) watch(request io.Reader, stream *webtransport.Stream) {
	go func() {
		var reset *webtransport.StreamError
		if _, err := io.Copy(io.Discard, request); errors.As(err, &reset) && reset.Remote {
			s.events <- fmt.Sprint("reset ", reset.ErrorCode)
		}
	}()
	<-stream.Context().Done()
	// Writing tells why.
	var stopped *webtransport.StreamError
	if _, err := stream.Write([]byte("x")); errors.As(err, &stopped) && stopped.Remote {
		s.events <- fmt.Sprint("stop ", stopped.ErrorCode)
	}
}

func code(text string) webtransport.StreamErrorCode {
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		log.Fatalf("%q is no code", text)
	}
	return webtransport.StreamErrorCode(number)
}
