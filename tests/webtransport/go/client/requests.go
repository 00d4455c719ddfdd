package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// requestCases are the cases that an HTTP/3 client can play without knowing WebTransport: extended CONNECT and HTTP
// datagrams are all that it needs for them.
var requestCases = map[string]func(context.Context, target) error{
	"session.opened":     inRequest(func(context.Context, *request) error { return nil }),
	"session.refused":    requestRefused,
	"bidi.client":        noStreams,
	"bidi.server":        noStreams,
	"bidi.many":          noStreams,
	"uni.client":         noStreams,
	"uni.server":         noStreams,
	"datagrams.echo":     inRequest(requestDatagrams),
	"close.client":       noStreams,
	"close.server":       noStreams,
	"codes.client-reset": noStreams,
	"codes.client-stop":  noStreams,
	"codes.server-reset": noStreams,
	"codes.server-stop":  noStreams,
	"codes.large":        noStreams,
	"subprotocol.chosen": requestSubprotocol,
	"sessions.two":       requestsPooled,
	"sessions.pooled":    requestsPooled,
	"get.beside":         requestsBeside,
	"grpc.call":          noStreams,
}

func noStreams(context.Context, target) error {
	return unable("an HTTP/3 client, which knows no streams of sessions")
}

// request is a session as far as HTTP/3 knows: the stream of its CONNECT.
type request struct {
	*http3.RequestStream
	response *http.Response
}

// requests is an HTTP/3 connection.
type requests struct {
	*http3.ClientConn
	to target
}

func connected(ctx context.Context, to target, play func(*requests) error) error {
	server, err := url.Parse(to.url)
	if err != nil {
		return err
	}
	conn, err := quic.DialAddr(ctx, server.Host, to.tls.Clone(), &quic.Config{EnableDatagrams: true})
	if err != nil {
		return err
	}
	defer conn.CloseWithError(0, "")
	transport := &http3.Transport{EnableDatagrams: true}
	return play(&requests{transport.NewClientConn(conn), to})
}

func (r *requests) connect(ctx context.Context, path string, header http.Header) (*request, error) {
	// A client may ask only when it has seen that the server knows extended CONNECT.
	select {
	case <-r.ReceivedSettings():
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if settings := r.Settings(); !settings.EnableExtendedConnect || !settings.EnableDatagrams {
		return nil, fmt.Errorf("the server's settings are %+v", settings)
	}
	at, err := url.Parse(r.to.url + path)
	if err != nil {
		return nil, err
	}
	stream, err := r.OpenRequestStream(ctx)
	if err != nil {
		return nil, err
	}
	asked := &http.Request{Method: http.MethodConnect, Proto: "webtransport", Host: at.Host, URL: at, Header: header}
	if err := stream.SendRequestHeader(asked.WithContext(ctx)); err != nil {
		return nil, err
	}
	response, err := stream.ReadResponse()
	if err != nil {
		return nil, err
	}
	return &request{stream, response}, nil
}

func (r *requests) open(ctx context.Context, header http.Header) (*request, error) {
	opened, err := r.connect(ctx, r.to.path, header)
	if err == nil && opened.response.StatusCode != http.StatusOK {
		err = errors.New("received status " + opened.response.Status)
	}
	return opened, err
}

// inRequest plays a case in a session of its own with the application.
func inRequest(play func(context.Context, *request) error) func(context.Context, target) error {
	return func(ctx context.Context, to target) error {
		return connected(ctx, to, func(r *requests) error {
			opened, err := r.open(ctx, http.Header{})
			if err != nil {
				return err
			}
			return play(ctx, opened)
		})
	}
}

func requestRefused(ctx context.Context, to target) error {
	return connected(ctx, to, func(r *requests) error {
		answered, err := r.connect(ctx, "/no/such/route", http.Header{})
		if err == nil && answered.response.StatusCode != http.StatusNotFound {
			err = errors.New("received status " + answered.response.Status)
		}
		return err
	})
}

func requestDatagrams(ctx context.Context, session *request) error {
	for number := range 3 {
		sent := fmt.Sprint("datagram ", number)
		if err := session.SendDatagram([]byte(sent)); err != nil {
			return err
		}
		if arrived, err := session.ReceiveDatagram(ctx); err != nil || string(arrived) != sent {
			return fmt.Errorf("%q arrived: %w", arrived, err)
		}
	}
	return nil
}

func requestSubprotocol(ctx context.Context, to target) error {
	return connected(ctx, to, func(r *requests) error {
		opened, err := r.open(ctx, http.Header{"Wt-Available-Protocols": {`"other", "echo-1"`}})
		if err != nil {
			return err
		}
		if chosen := opened.response.Header.Get("Wt-Protocol"); chosen != `"echo-1"` {
			return fmt.Errorf("the server chose %q", chosen)
		}
		return nil
	})
}

func requestsPooled(ctx context.Context, to target) error {
	return connected(ctx, to, func(r *requests) error {
		one, err := r.open(ctx, http.Header{})
		if err != nil {
			return err
		}
		other, err := r.open(ctx, http.Header{})
		if err != nil {
			return err
		}
		for _, session := range []*request{one, other, one} {
			if err := requestDatagrams(ctx, session); err != nil {
				return err
			}
		}
		other.Close()
		return requestDatagrams(ctx, one)
	})
}

func requestsBeside(ctx context.Context, to target) error {
	return connected(ctx, to, func(r *requests) error {
		session, err := r.open(ctx, http.Header{})
		if err != nil {
			return err
		}
		asked, err := http.NewRequestWithContext(ctx, http.MethodGet, to.url+grpcPath, nil)
		if err != nil {
			return err
		}
		response, err := r.RoundTrip(asked)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		page, err := io.ReadAll(response.Body)
		return errors.Join(err, isProbe(response.Status+" "+string(page)), requestDatagrams(ctx, session))
	})
}
