// Command vanguard is a reverse proxy on Vanguard, the translator of Connect's authors, for the benchmark to compare
// with. It speaks what Vanguard speaks over HTTP/1.1 and h2c, to gRPC servers over h2c, in turn. It has no filters, no
// access log and no metrics.
//
//	vanguard -descriptors notes.binpb http://127.0.0.1:1 http://127.0.0.1:2
//	listening 127.0.0.1:40123
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"

	"connectrpc.com/vanguard"
	_ "google.golang.org/genproto/googleapis/api/annotations" // So that the rules in the descriptors are understood.
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	descriptors := flag.String("descriptors", "", "a FileDescriptorSet")
	flag.Parse()
	upstreams, err := newUpstreams(flag.Args())
	check(err)
	services, err := services(*descriptors, upstreams)
	check(err)
	transcoder, err := vanguard.NewTranscoder(services)
	check(err)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("listening %s\n", listener.Addr())
	server := http.Server{Handler: transcoder, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1000}
	check(server.Serve(listener))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// newUpstreams is a handler that passes each request on to the next of these servers.
func newUpstreams(addresses []string) (http.Handler, error) {
	var targets []*url.URL
	for _, address := range addresses {
		target, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	var turn atomic.Uint64
	return &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(targets[turn.Add(1)%uint64(len(targets))])
		},
		Transport:     &http.Transport{Protocols: protocols},
		FlushInterval: -1,
	}, nil
}

// services are those that the descriptors tell of, all served by upstreams that speak gRPC in proto.
func services(path string, upstreams http.Handler) ([]*vanguard.Service, error) {
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(bytes, set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	var services []*vanguard.Service
	for _, file := range set.File {
		found, err := files.FindFileByPath(file.GetName())
		if err != nil {
			return nil, err
		}
		for i := range found.Services().Len() {
			services = append(services, vanguard.NewServiceWithSchema(found.Services().Get(i), upstreams,
				vanguard.WithTargetProtocols(vanguard.ProtocolGRPC),
				vanguard.WithTargetCodecs(vanguard.CodecProto),
				vanguard.WithNoTargetCompression()))
		}
	}
	return services, nil
}
