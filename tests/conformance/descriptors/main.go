// Command descriptors compiles what the conformance suite tells clients, with all that it imports, the service that is
// called among it, and writes it to standard output as a google.protobuf.FileDescriptorSet.
//
//	descriptors FOLDER     the folder that has connectrpc/conformance/v1/*.proto
//
// The suite's generated Go code would know the descriptors too, but it is internal to its module.
package main

import (
	"context"
	"log"
	"os"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: descriptors FOLDER")
	}
	sources := protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: os.Args[1:]})
	compiler := protocompile.Compiler{Resolver: sources}
	files, err := compiler.Compile(context.Background(), "connectrpc/conformance/v1/client_compat.proto")
	if err != nil {
		log.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	for _, file := range files {
		add(set, seen, file)
	}
	bytes, err := proto.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(bytes); err != nil {
		log.Fatal(err)
	}
}

// add appends the file to the set, after the files that it imports.
func add(set *descriptorpb.FileDescriptorSet, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		add(set, seen, file.Imports().Get(i).FileDescriptor)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
}
