package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/quic-go/webtransport-go"
)

const (
	grpcPath = "/grpc-wt/v1"

	flagMessage  = 0x00
	flagHeaders  = 0x40
	flagTrailers = 0x80
)

// fiveBytes is a StreamingOutputCallRequest for one response of five bytes.
var fiveBytes = []byte{0x12, 2, 0x08, 5}

// grpcCall makes one call that streams in both directions, as docs/grpc-webtransport.md has it.
func grpcCall(ctx context.Context, to target) error {
	return with(ctx, to, grpcPath, func(_ *connection, s *webtransport.Session) error {
		stream, err := s.OpenStreamSync(ctx)
		if err != nil {
			return err
		}
		deadline, _ := ctx.Deadline()
		stream.SetDeadline(deadline)
		stream.Write(frame(flagHeaders, []byte(":path: /grpc.testing.TestService/FullDuplexCall\r\n")))
		expected := []byte{flagHeaders, flagMessage}
		for range 3 {
			stream.Write(frame(flagMessage, fiveBytes))
			for _, wanted := range expected {
				if payload, err := next(stream, wanted); err != nil || wanted == flagMessage && len(payload) < 5 {
					return fmt.Errorf("a message is %q: %w", payload, err)
				}
			}
			expected = []byte{flagMessage}
		}
		stream.Write(frame(flagTrailers, nil))
		stream.Close()
		trailers, err := next(stream, flagTrailers)
		if err != nil || !bytes.Contains(trailers, []byte("grpc-status: 0\r\n")) {
			return fmt.Errorf("the trailers are %q: %w", trailers, err)
		}
		return same(stream, "")
	}, "grpc-wt-1")
}

func frame(flags byte, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload))), payload...)
}

// next reads a frame, which must have these flags.
func next(stream io.Reader, flags byte) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(stream, head[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err := io.ReadFull(stream, payload)
	if err == nil && head[0] != flags {
		err = fmt.Errorf("a frame %#x, not %#x", head[0], flags)
	}
	return payload, err
}
