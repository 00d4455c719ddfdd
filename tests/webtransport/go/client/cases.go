package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quic-go/webtransport-go"
)

// sessionCases are the cases as webtransport-go plays them.
var sessionCases = map[string]func(context.Context, target) error{
	"session.opened":     inSession(func(context.Context, *webtransport.Session) error { return nil }),
	"session.refused":    refused,
	"bidi.client":        inSession(bidiOfClient),
	"bidi.server":        inSession(bidiOfServer(10)),
	"bidi.many":          inSession(bidiOfServer(300)),
	"uni.client":         inSession(uniOfClient),
	"uni.server":         inSession(uniOfServer),
	"datagrams.echo":     inSession(datagrams),
	"close.client":       closedByClient,
	"close.server":       inSession(closedByServer),
	"codes.client-reset": inSession(resetByClient(200)),
	"codes.client-stop":  inSession(stoppedByClient),
	"codes.server-reset": inSession(resetByServer),
	"codes.server-stop":  inSession(stoppedByServer),
	"codes.large":        inSession(resetByClient(1000)),
	"subprotocol.chosen": subprotocol,
	"sessions.two":       twoSessions,
	"sessions.pooled":    pooledSessions,
	"get.beside":         getBeside,
	"grpc.call":          grpcCall,
}

// inSession plays a case in a session of its own with the application.
func inSession(play func(context.Context, *webtransport.Session) error) func(context.Context, target) error {
	return func(ctx context.Context, to target) error {
		return with(ctx, to, to.path, func(_ *connection, s *webtransport.Session) error { return play(ctx, s) })
	}
}

// with opens a session on a connection of its own.
func with(ctx context.Context, to target, path string, play func(*connection, *webtransport.Session) error, protocols ...string) error {
	conn, err := dial(ctx, to, protocols)
	if err != nil {
		return err
	}
	defer conn.close()
	s, err := conn.open(ctx, to.url+path)
	if err != nil {
		return err
	}
	defer s.CloseWithError(0, "")
	return play(conn, s)
}

// command opens a stream that begins with a command. The rest of the request is left to the caller.
func command(ctx context.Context, s *webtransport.Session, line string) (*webtransport.Stream, error) {
	stream, err := s.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	stream.SetDeadline(deadline)
	_, err = fmt.Fprintln(stream, line)
	return stream, err
}

// expect gives a command that has an answer.
func expect(ctx context.Context, s *webtransport.Session, line, answer string) error {
	stream, err := command(ctx, s, line)
	if err != nil {
		return err
	}
	stream.Close()
	return same(stream, answer)
}

func same(stream io.Reader, wanted string) error {
	text, err := io.ReadAll(stream)
	if err == nil && string(text) != wanted {
		err = fmt.Errorf("%d bytes arrived, not %d: %.60q", len(text), len(wanted), text)
	}
	return err
}

func echo(ctx context.Context, s *webtransport.Session, content []byte) error {
	stream, err := command(ctx, s, "echo")
	if err != nil {
		return err
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, bytes.NewReader(content))
		wrote <- errors.Join(err, stream.Close())
	}()
	return errors.Join(same(stream, string(content)), <-wrote)
}

func refused(ctx context.Context, to target) error {
	err := with(ctx, to, "/no/such/route", func(*connection, *webtransport.Session) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "404") {
		return fmt.Errorf("no 404: %w", err)
	}
	return nil
}

func bidiOfClient(ctx context.Context, s *webtransport.Session) error {
	for range 10 {
		if err := echo(ctx, s, []byte("hello")); err != nil {
			return err
		}
	}
	return echo(ctx, s, bytes.Repeat([]byte("0123456789"), 100_000))
}

func bidiOfServer(rounds int) func(context.Context, *webtransport.Session) error {
	return func(ctx context.Context, s *webtransport.Session) error {
		for range rounds {
			if err := openedByServer(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}

func openedByServer(ctx context.Context, s *webtransport.Session) error {
	asked, err := command(ctx, s, "bidi from the server")
	if err != nil {
		return err
	}
	asked.Close()
	opened, err := s.AcceptStream(ctx)
	if err != nil {
		return err
	}
	if err := same(opened, "from the server"); err != nil {
		return err
	}
	fmt.Fprint(opened, "from the client")
	opened.Close()
	return same(asked, "from the client")
}

func uniOfClient(ctx context.Context, s *webtransport.Session) error {
	for number := range 10 {
		stream, err := s.OpenUniStreamSync(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(stream, "number ", number)
		stream.Close()
		if err := expect(ctx, s, "next", fmt.Sprint("uni number ", number)); err != nil {
			return err
		}
	}
	return nil
}

func uniOfServer(ctx context.Context, s *webtransport.Session) error {
	for range 10 {
		if err := expect(ctx, s, "uni one way", "ok"); err != nil {
			return err
		}
		stream, err := s.AcceptUniStream(ctx)
		if err != nil {
			return err
		}
		if err := same(stream, "one way"); err != nil {
			return err
		}
	}
	return nil
}

func datagrams(ctx context.Context, s *webtransport.Session) error {
	for number := range 3 {
		sent := fmt.Sprint("datagram ", number)
		if err := s.SendDatagram([]byte(sent)); err != nil {
			return err
		}
		if arrived, err := s.ReceiveDatagram(ctx); err != nil || string(arrived) != sent {
			return fmt.Errorf("%q arrived: %w", arrived, err)
		}
	}
	return nil
}

func closedByClient(ctx context.Context, to target) error {
	conn, err := dial(ctx, to, nil)
	if err != nil {
		return err
	}
	// Not before the end of the session has arrived.
	defer conn.close()
	s, err := conn.open(ctx, to.url+to.path)
	if err != nil {
		return err
	}
	name := fmt.Sprint("go ", time.Now().UnixNano())
	if err := expect(ctx, s, "name "+name, "ok"); err != nil {
		return err
	}
	if err := s.CloseWithError(7, "bye"); err != nil {
		return err
	}
	return with(ctx, to, to.path, func(_ *connection, s *webtransport.Session) error {
		return expect(ctx, s, "end "+name, "closed 7 bye")
	})
}

func closedByServer(ctx context.Context, s *webtransport.Session) error {
	if _, err := command(ctx, s, "close 99 the server says bye"); err != nil {
		return err
	}
	_, err := s.AcceptStream(ctx)
	wanted := &webtransport.SessionError{Remote: true, ErrorCode: 99, Message: "the server says bye"}
	var closed *webtransport.SessionError
	if !errors.As(err, &closed) || *closed != *wanted {
		return fmt.Errorf("the session ended with: %w", err)
	}
	return nil
}

// watched opens a stream on which the application watches what the client does.
func watched(ctx context.Context, s *webtransport.Session) (*webtransport.Stream, error) {
	stream, err := command(ctx, s, "watch")
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(stream, make([]byte, len("ok")))
	return stream, err
}

func resetByClient(code webtransport.StreamErrorCode) func(context.Context, *webtransport.Session) error {
	return func(ctx context.Context, s *webtransport.Session) error {
		stream, err := watched(ctx, s)
		if err != nil {
			return err
		}
		stream.CancelWrite(code)
		return expect(ctx, s, "next", fmt.Sprint("reset ", code))
	}
}

func stoppedByClient(ctx context.Context, s *webtransport.Session) error {
	stream, err := watched(ctx, s)
	if err != nil {
		return err
	}
	stream.CancelRead(201)
	return expect(ctx, s, "next", "stop 201")
}

func resetByServer(ctx context.Context, s *webtransport.Session) error {
	stream, err := command(ctx, s, "reset 200")
	if err != nil {
		return err
	}
	_, err = io.ReadAll(stream)
	return cancelled(err, 200)
}

func stoppedByServer(ctx context.Context, s *webtransport.Session) error {
	stream, err := command(ctx, s, "stop 201")
	if err != nil {
		return err
	}
	if err := same(stream, "ok"); err != nil {
		return err
	}
	select {
	case <-stream.Context().Done():
	case <-ctx.Done():
	}
	// Writing tells why.
	_, err = stream.Write([]byte("x"))
	return cancelled(err, 201)
}

func cancelled(err error, code webtransport.StreamErrorCode) error {
	if !errors.Is(err, &webtransport.StreamError{Remote: true, ErrorCode: code}) {
		return fmt.Errorf("not code %d: %w", code, err)
	}
	return nil
}

func subprotocol(ctx context.Context, to target) error {
	return with(ctx, to, to.path, func(_ *connection, s *webtransport.Session) error {
		if chosen := s.SessionState().ApplicationProtocol; chosen != "echo-1" {
			return fmt.Errorf("the server chose %q", chosen)
		}
		return nil
	}, "other", "echo-1")
}

func twoSessions(ctx context.Context, to target) error {
	return with(ctx, to, to.path, func(_ *connection, one *webtransport.Session) error {
		return with(ctx, to, to.path, func(_ *connection, other *webtransport.Session) error {
			return sideBySide(ctx, one, other)
		})
	})
}

func pooledSessions(ctx context.Context, to target) error {
	if !canPool {
		return unable("makes a connection for each session")
	}
	return with(ctx, to, to.path, func(conn *connection, one *webtransport.Session) error {
		other, err := conn.open(ctx, to.url+to.path)
		if err != nil {
			return err
		}
		return sideBySide(ctx, one, other)
	})
}

// sideBySide uses two sessions by turns, and then the first one alone.
func sideBySide(ctx context.Context, one, other *webtransport.Session) error {
	for _, s := range []*webtransport.Session{one, other, one} {
		if err := errors.Join(echo(ctx, s, []byte("hello")), datagrams(ctx, s)); err != nil {
			return err
		}
	}
	other.CloseWithError(0, "")
	return echo(ctx, one, []byte("still here"))
}

func getBeside(ctx context.Context, to target) error {
	return with(ctx, to, to.path, func(conn *connection, s *webtransport.Session) error {
		page, err := conn.get(ctx, to.url+grpcPath)
		if err != nil {
			return err
		}
		return errors.Join(isProbe(page), echo(ctx, s, []byte("hello")))
	})
}

func isProbe(page string) error {
	if !strings.HasPrefix(page, "200 ") || !strings.Contains(page, `"webtransport":true`) {
		return fmt.Errorf("the page is %q", page)
	}
	return nil
}
