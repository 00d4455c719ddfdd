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
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // Requests may be compressed; replies then are too.
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
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
	err := next(service, stream)
	if !stop() {
		<-told
	}
	tellEnd(info.FullMethod, err)
	return err
}

func tellEnd(method string, err error) {
	fmt.Printf("ended %s %s\n", method, status.Code(err))
}
