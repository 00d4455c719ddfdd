package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	_ "google.golang.org/genproto/googleapis/api/annotations" // The imports of the examples.
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protos has the services that the upstream serves and the gateway transcodes to.
const protos = "../../rest"

// upstream is a gRPC server of every method in the protos. It answers as the test that a call belongs to says: the
// request header `x-call` names it.
type upstream struct {
	address string
	files   *protoregistry.Files
	types   *dynamicpb.Types
	server  *grpc.Server

	mutex   sync.Mutex
	answers map[string]func(*call) error
	calls   map[string][]*call
}

// call is one call as the upstream sees it.
type call struct {
	grpc.ServerStream
	method   protoreflect.MethodDescriptor
	metadata metadata.MD
	// requests are the messages received so far.
	requests []proto.Message
	upstream *upstream
	// ended is closed when the call has been answered.
	ended chan struct{}
	err   error
}

func startUpstream() (*upstream, error) {
	files, err := compile()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	up := &upstream{
		address: listener.Addr().String(),
		files:   files,
		types:   dynamicpb.NewTypes(files),
		answers: map[string]func(*call) error{},
		calls:   map[string][]*call{},
	}
	up.server = grpc.NewServer(grpc.UnknownServiceHandler(up.serve))
	reflectionpb.RegisterServerReflectionServer(up.server, reflection.NewServerV1(reflection.ServerOptions{
		Services: served{up}, DescriptorResolver: imported{files}, ExtensionResolver: up,
	}))
	go up.server.Serve(listener)
	return up, nil
}

// served tells grpc-go's reflection which services there are.
type served struct{ *upstream }

func (s served) GetServiceInfo() map[string]grpc.ServiceInfo {
	services := map[string]grpc.ServiceInfo{}
	s.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			services[string(file.Services().Get(i).FullName())] = grpc.ServiceInfo{}
		}
		return true
	})
	return services
}

// imported tells of the protos, and of what they import.
type imported struct{ files *protoregistry.Files }

func (i imported) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if file, err := i.files.FindFileByPath(path); err == nil {
		return file, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

func (i imported) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if found, err := i.files.FindDescriptorByName(name); err == nil {
		return found, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// compile reads the protos with buf's compiler. The imports are what Google publishes for Go.
func compile() (*protoregistry.Files, error) {
	published := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			return protocompile.SearchResult{}, err
		}
		return protocompile.SearchResult{Proto: protodesc.ToFileDescriptorProto(file)}, nil
	})
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
		&protocompile.SourceResolver{ImportPaths: []string{protos}}, published,
	})}
	names, err := filepath.Glob(protos + "/*.proto")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no protos in %s: %v", protos, err)
	}
	for i, name := range names {
		names[i] = filepath.Base(name)
	}
	compiled, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	files := new(protoregistry.Files)
	// Types of imports are found in Google's own registry.
	for _, file := range compiled {
		if err := files.RegisterFile(file); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// method finds `library.v1.Library/GetBook`.
func (up *upstream) method(name string) protoreflect.MethodDescriptor {
	service, method := filepath.Split(name)
	found, err := up.files.FindDescriptorByName(protoreflect.FullName(filepath.Clean(service)))
	if err != nil {
		panic(err)
	}
	return found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
}

func (up *upstream) serve(_ any, stream grpc.ServerStream) error {
	name, _ := grpc.MethodFromServerStream(stream)
	received, _ := metadata.FromIncomingContext(stream.Context())
	id := first(received, "x-call")
	called := &call{
		ServerStream: stream, method: up.method(name[1:]), metadata: received, upstream: up, ended: make(chan struct{}),
	}
	up.mutex.Lock()
	answer := up.answers[id]
	up.calls[id] = append(up.calls[id], called)
	up.mutex.Unlock()
	defer close(called.ended)
	if answer == nil {
		answer = echo
	}
	called.err = answer(called)
	return called.err
}

// echo answers each request with itself, as far as the method has such responses; otherwise with empty ones.
func echo(c *call) error {
	for {
		request, err := c.receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if c.method.IsStreamingServer() || !c.method.IsStreamingClient() {
			if c.method.Input() != c.method.Output() {
				request = dynamicpb.NewMessage(c.method.Output())
			}
			if err := c.SendMsg(request); err != nil {
				return err
			}
		}
	}
	if c.method.IsStreamingClient() && !c.method.IsStreamingServer() {
		return c.SendMsg(dynamicpb.NewMessage(c.method.Output()))
	}
	return nil
}

// respond answers with these messages, given as JSON, after all of the request has come.
func respond(responses ...string) func(*call) error {
	return respondAndFail(nil, responses...)
}

// respondAndFail answers with these messages and ends with an error.
func respondAndFail(end error, responses ...string) func(*call) error {
	return func(c *call) error {
		if err := c.receiveAll(); err != nil {
			return err
		}
		for _, response := range responses {
			if err := c.send(response); err != nil {
				return err
			}
		}
		return end
	}
}

// fail ends with a status that has these details.
func fail(code codes.Code, message string, details ...proto.Message) error {
	failed := status.New(code, message)
	for _, detail := range details {
		with, err := failed.WithDetails(protoadapt.MessageV1Of(detail))
		if err != nil {
			panic(err)
		}
		failed = with
	}
	return failed.Err()
}

// end waits until the call has been answered.
func (c *call) end(t *testing.T) {
	t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		t.Fatalf("%s did not end", c.method.FullName())
	}
}

func (c *call) receive() (proto.Message, error) {
	request := dynamicpb.NewMessage(c.method.Input())
	if err := c.RecvMsg(request); err != nil {
		return nil, err
	}
	c.upstream.mutex.Lock()
	c.requests = append(c.requests, request)
	c.upstream.mutex.Unlock()
	return request, nil
}

func (c *call) receiveAll() error {
	for {
		if _, err := c.receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (c *call) send(json string) error {
	return c.SendMsg(c.upstream.parse(c.method.Output(), json))
}

// parse reads JSON with Google's parser for Go, which refuses fields that it does not know.
func (up *upstream) parse(of protoreflect.MessageDescriptor, json string) proto.Message {
	message := dynamicpb.NewMessage(of)
	if err := (protojson.UnmarshalOptions{Resolver: up}).Unmarshal([]byte(json), message); err != nil {
		panic(fmt.Sprintf("%s: %v", json, err))
	}
	return message
}

// print writes JSON with Google's printer for Go.
func (up *upstream) print(message proto.Message) string {
	text, err := (protojson.MarshalOptions{Resolver: up}).Marshal(message)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// What stands in an Any is of the protos or one of Google's own types.

func (up *upstream) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if found, err := up.types.FindMessageByName(name); err == nil {
		return found, nil
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

func (up *upstream) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	return up.FindMessageByName(protoreflect.FullName(filepath.Base(url)))
}

func (up *upstream) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return up.types.FindExtensionByName(name)
}

func (up *upstream) FindExtensionByNumber(of protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return up.types.FindExtensionByNumber(of, number)
}

func (up *upstream) RangeExtensionsByMessage(protoreflect.FullName, func(protoreflect.ExtensionType) bool) {
}

func first(md metadata.MD, name string) string {
	if values := md.Get(name); len(values) > 0 {
		return values[0]
	}
	return ""
}
