// Command server serves grpc-go's implementation of grpc.testing.TestService.
//
// grpc-go has a program of its own for that (interop/server), but it listens on every interface and tells its port
// in a log message only. This one listens on loopback, understands gzip, tells what it serves by server reflection, and
// prints a line when it is ready, when a stream has begun, when its client has left it, whatever the handler is doing
// then, and when a call has ended, by which a test sees what reached the upstream:
//
//	listening 127.0.0.1:40123
//	began /grpc.testing.TestService/FullDuplexCall
//	left /grpc.testing.TestService/FullDuplexCall Canceled
//	ended /grpc.testing.TestService/FullDuplexCall Canceled
//
// Of the metadata of a call it gives back every value whose name begins with `echo-initial-` or `echo-trailing-`, under
// the rest of that name.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // Requests may be compressed; replies then are too.
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to listen on, without TLS")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(tellUnary), grpc.StreamInterceptor(tellStream))
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	reflection.Register(server)
	fmt.Printf("listening %s\n", listener.Addr())
	log.Fatal(server.Serve(listener))
}

func tellUnary(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	grpc.SetHeader(ctx, echoed(ctx, "echo-initial-"))
	grpc.SetTrailer(ctx, echoed(ctx, "echo-trailing-"))
	reply, err := next(ctx, request)
	tellEnd(info.FullMethod, err)
	return reply, err
}

func tellStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	fmt.Printf("began %s\n", info.FullMethod)
	told := make(chan struct{})
	stop := context.AfterFunc(stream.Context(), func() {
		fmt.Printf("left %s %s\n", info.FullMethod, status.FromContextError(stream.Context().Err()).Code())
		close(told)
	})
	stream.SetHeader(echoed(stream.Context(), "echo-initial-"))
	stream.SetTrailer(echoed(stream.Context(), "echo-trailing-"))
	err := next(service, stream)
	if !stop() {
		<-told
	} else if code := status.Code(err); code == codes.Canceled || code == codes.DeadlineExceeded {
		// The handler can hear of it before the context does.
		fmt.Printf("left %s %s\n", info.FullMethod, code)
	}
	tellEnd(info.FullMethod, err)
	return err
}

// What the client wants to get back of its metadata.
func echoed(ctx context.Context, prefix string) metadata.MD {
	answer := metadata.MD{}
	request, _ := metadata.FromIncomingContext(ctx)
	for name, values := range request {
		if rest, isWanted := strings.CutPrefix(name, prefix); isWanted {
			answer.Append(rest, values...)
		}
	}
	return answer
}

func tellEnd(method string, err error) {
	fmt.Printf("ended %s %s\n", method, status.Code(err))
}
