//go:build !v010

package main

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
)

// canPool is whether a connection can have several sessions.
const canPool = true

// connection is one QUIC connection with any number of sessions.
type connection struct {
	quic *quic.Conn
	http *webtransport.ClientConn
}

func dial(ctx context.Context, to target, protocols []string) (*connection, error) {
	server, err := url.Parse(to.url)
	if err != nil {
		return nil, err
	}
	config := &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true}
	connected, err := quic.DialAddr(ctx, server.Host, to.tls.Clone(), config)
	if err != nil {
		return nil, err
	}
	transport := webtransport.Transport{
		// Small enough that a test reaches all of them, so that they are seen to grow.
		Config:               &webtransport.Config{MaxIncomingStreams: 4, MaxIncomingUniStreams: 4, MaxIncomingData: 1 << 16},
		ApplicationProtocols: protocols,
	}
	conn, err := transport.NewClientConn(connected)
	return &connection{connected, conn}, err
}

func (c *connection) open(ctx context.Context, url string) (*webtransport.Session, error) {
	_, opened, err := c.http.Dial(ctx, url, nil)
	return opened, err
}

func (c *connection) get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := c.http.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.Status + " " + string(body), err
}

func (c *connection) close() { c.quic.CloseWithError(0, "") }
