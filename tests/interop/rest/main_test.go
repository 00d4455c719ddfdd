// Package rest proves the gateway's REST interface: foreign HTTP clients send requests to the real binary, and a
// grpc-go server behind it, which knows the messages by descriptors alone, says what arrived.
//
// Requests are what the server received, compared as messages; what they should be is written as JSON and read by
// Google's own parser. So no part of the gateway judges another part of it.
package rest

import (
	"fmt"
	"os"
	"testing"
)

var (
	up *upstream
	gw *gateway
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if up, err = startUpstream(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer up.server.Stop()
	site := startSite()
	defer site.Close()
	if gw, err = startGateway(config, up.address, site.Listener.Addr().String()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	closeClients()
	if err := gw.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "after SIGTERM the gateway ended with", err)
		return 1
	}
	return code
}
