//go:build tools

// Package centrifugo names the version of Centrifugo that the tests build: a real-time server that speaks WebTransport
// and WebSocket, and was written without knowledge of this project.
package centrifugo

import _ "github.com/centrifugal/centrifugo/v5"
