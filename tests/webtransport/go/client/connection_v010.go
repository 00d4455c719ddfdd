//go:build v010

package main

import (
	"context"

	"github.com/quic-go/webtransport-go"
)

// canPool is whether a connection can have several sessions.
const canPool = false

// connection is a dialer, which makes a QUIC connection for each session.
type connection struct{ dialer webtransport.Dialer }

func dial(_ context.Context, to target, protocols []string) (*connection, error) {
	return &connection{webtransport.Dialer{TLSClientConfig: to.tls, ApplicationProtocols: protocols}}, nil
}

func (c *connection) open(ctx context.Context, url string) (*webtransport.Session, error) {
	_, opened, err := c.dialer.Dial(ctx, url, nil)
	return opened, err
}

func (c *connection) get(context.Context, string) (string, error) {
	return "", unable("makes no ordinary requests on the connection of a session")
}

func (c *connection) close() {}
