/** A service of every kind of call, described as generated code describes one. Messages are `StringValue`. */

import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, StringValueSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import type { GenService } from "@bufbuild/protobuf/codegenv2";

type Text = typeof StringValueSchema;
type EchoMethods = {
  say: { methodKind: "unary"; input: Text; output: Text };
  list: { methodKind: "server_streaming"; input: Text; output: Text };
  sum: { methodKind: "client_streaming"; input: Text; output: Text };
  chat: { methodKind: "bidi_streaming"; input: Text; output: Text };
};

const text = ".google.protobuf.StringValue";
const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
  name,
  inputType: text,
  outputType: text,
  clientStreaming,
  serverStreaming,
});
const file = create(FileDescriptorProtoSchema, {
  name: "echo.proto",
  syntax: "proto3",
  package: "t",
  dependency: ["google/protobuf/wrappers.proto"],
  service: [
    {
      name: "Echo",
      method: [method("Say", false, false), method("List", false, true), method("Sum", true, false), method("Chat", true, true)],
    },
  ],
});

export const Echo = createFileRegistry(file, () => file_google_protobuf_wrappers.proto).getService(
  "t.Echo",
) as GenService<EchoMethods>;
