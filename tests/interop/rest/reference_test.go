package rest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// reference is grpc-gateway's own runtime, put together as its generator would from the same rules. It maps requests of
// unary methods and sends nothing.
type reference struct{ mux *runtime.ServeMux }

// mapped is what the reference makes of a request.
type mapped struct {
	method  protoreflect.MethodDescriptor
	message proto.Message
	err     error
}

var made *reference

// theReference makes it when it is first wanted: enums can be registered only once.
func theReference(t *testing.T) *reference {
	t.Helper()
	if made != nil {
		return made
	}
	r := &reference{runtime.NewServeMux(runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash))}
	up.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Enums().Len() {
			// It looks enums up here.
			enum := dynamicpb.NewEnumType(file.Enums().Get(i))
			if err := protoregistry.GlobalTypes.RegisterEnum(enum); err != nil {
				t.Fatal(err)
			}
		}
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for i := range methods.Len() {
				r.add(t, methods.Get(i))
			}
		}
		return true
	})
	made = r
	return r
}

func (r *reference) add(t *testing.T, method protoreflect.MethodDescriptor) {
	t.Helper()
	// The compiler keeps options that it does not know as it found them.
	written, err := proto.Marshal(method.Options())
	if err != nil {
		t.Fatal(err)
	}
	options := new(descriptorpb.MethodOptions)
	if err := proto.Unmarshal(written, options); err != nil {
		t.Fatal(err)
	}
	first, _ := proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)
	if first == nil || method.IsStreamingClient() {
		return
	}
	for _, rule := range append([]*annotations.HttpRule{first}, first.AdditionalBindings...) {
		var verb, path string
		switch pattern := rule.Pattern.(type) {
		case *annotations.HttpRule_Get:
			verb, path = "GET", pattern.Get
		case *annotations.HttpRule_Put:
			verb, path = "PUT", pattern.Put
		case *annotations.HttpRule_Post:
			verb, path = "POST", pattern.Post
		case *annotations.HttpRule_Delete:
			verb, path = "DELETE", pattern.Delete
		case *annotations.HttpRule_Patch:
			verb, path = "PATCH", pattern.Patch
		case *annotations.HttpRule_Custom:
			verb, path = pattern.Custom.Kind, pattern.Custom.Path
		}
		err := r.mux.HandlePath(verb, path, func(w http.ResponseWriter, request *http.Request, variables map[string]string) {
			*w.(*recorder).mapped = bind(method, rule.Body, verb, request, variables)
		})
		if err != nil {
			t.Fatalf("%s %s: %v", verb, path, err)
		}
	}
}

// bind does what grpc-gateway's template for generated handlers does: the body, then the path, then the query.
func bind(method protoreflect.MethodDescriptor, body, verb string, request *http.Request, variables map[string]string) mapped {
	message := dynamicpb.NewMessage(method.Input())
	failed := func(err error) mapped { return mapped{method, nil, err} }
	taken := [][]string{}
	text, err := io.ReadAll(request.Body)
	if err != nil {
		return failed(err)
	}
	field := method.Input().Fields().ByName(protoreflect.Name(body))
	if body == "*" {
		err = decode(text, message)
	} else if field != nil {
		taken = append(taken, []string{body})
		inner := message.NewField(field)
		if field.Message() == nil || field.IsMap() || field.IsList() {
			// The generated code decodes into a Go field. A message around it does the same.
			err = decode(fmt.Appendf(nil, "{%q:%s}", body, text), message)
		} else if err = decode(text, inner.Message().Interface()); len(text) != 0 {
			message.Set(field, inner)
		}
	}
	if err != nil {
		return failed(err)
	}
	if mask := method.Input().Fields().ByName("update_mask"); verb == "PATCH" && mask != nil && !request.URL.Query().Has("update_mask") {
		paths, err := runtime.FieldMaskFromRequestBody(strings.NewReader(string(text)), message.Get(field).Message().Interface())
		if err != nil {
			return failed(err)
		}
		message.Set(mask, protoreflect.ValueOfMessage(paths.ProtoReflect()))
	}
	for name, value := range variables {
		if err := runtime.PopulateFieldFromPath(message, name, value); err != nil {
			return failed(err)
		}
		taken = append(taken, strings.Split(name, "."))
	}
	if body != "*" {
		if err := runtime.PopulateQueryParameters(message, request.URL.Query(), utilities.NewDoubleArray(taken)); err != nil {
			return failed(err)
		}
	}
	// It puts messages of Go's own types into dynamic ones, which are the same only once they are written.
	written, err := proto.Marshal(message)
	if err != nil {
		return failed(err)
	}
	message = dynamicpb.NewMessage(method.Input())
	return mapped{method, message, proto.Unmarshal(written, message)}
}

func decode(text []byte, into proto.Message) error {
	if len(text) == 0 {
		return nil
	}
	return (protojson.UnmarshalOptions{DiscardUnknown: true, Resolver: up}).Unmarshal(text, into)
}

// recorder is where a handler leaves what it made of a request.
type recorder struct {
	*httptest.ResponseRecorder
	mapped *mapped
}

// maps answers nil where no rule takes the request.
func (r *reference) maps(line, body string) *mapped {
	verb, target, _ := strings.Cut(line, " ")
	written := &recorder{httptest.NewRecorder(), new(mapped)}
	r.mux.ServeHTTP(written, httptest.NewRequest(verb, target, strings.NewReader(body)))
	if written.mapped.method == nil {
		return nil
	}
	return written.mapped
}
