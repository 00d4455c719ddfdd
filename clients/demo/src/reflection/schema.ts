/**
 * The messages of gRPC's server reflection, as far as they are needed here
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
 *
 * The two versions are the same but for the package.
 */

import { createFileRegistry, fromJson } from "@bufbuild/protobuf";
import type { DescMethodBiDiStreaming } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

import { withJsonNames } from "./json_names.js";

export type Version = "v1" | "v1alpha";

/** A `ServerReflectionRequest` in JSON. */
export type Question = { listServices: string } | { fileContainingSymbol: string } | { fileByFilename: string };

/** A `ServerReflectionResponse` in JSON. */
export interface Answer {
  listServicesResponse?: { service?: { name: string }[] };
  /** Each a `FileDescriptorProto`, in base64. */
  fileDescriptorResponse?: { fileDescriptorProto?: string[] };
  errorResponse?: { errorCode?: number; errorMessage?: string };
}

/** `ServerReflectionInfo` of this version. */
export function reflectionMethod(version: Version): DescMethodBiDiStreaming {
  const service = createFileRegistry(file(version), () => undefined)
    .getService(`grpc.reflection.${version}.ServerReflection`)!;
  return service.method["serverReflectionInfo"] as DescMethodBiDiStreaming;
}

function file(version: Version) {
  const type = (name: string) => `.grpc.reflection.${version}.${name}`;
  const one = (name: string, number: number, type: string, typeName?: string) =>
    ({ name, number, type, typeName, label: "LABEL_OPTIONAL" });
  const many = (name: string, number: number, type: string, typeName?: string) =>
    ({ ...one(name, number, type, typeName), label: "LABEL_REPEATED" });
  const [TEXT, BYTES, INT, MESSAGE] = ["TYPE_STRING", "TYPE_BYTES", "TYPE_INT32", "TYPE_MESSAGE"];
  const messages = {
    // The questions are members of a oneof, which makes no difference to who asks one thing at a time.
    ServerReflectionRequest: [
      one("file_by_filename", 3, TEXT), one("file_containing_symbol", 4, TEXT), one("list_services", 7, TEXT),
    ],
    ServerReflectionResponse: [
      one("file_descriptor_response", 4, MESSAGE, type("FileDescriptorResponse")),
      one("list_services_response", 6, MESSAGE, type("ListServiceResponse")),
      one("error_response", 7, MESSAGE, type("ErrorResponse")),
    ],
    FileDescriptorResponse: [many("file_descriptor_proto", 1, BYTES)],
    ListServiceResponse: [many("service", 1, MESSAGE, type("ServiceResponse"))],
    ServiceResponse: [one("name", 1, TEXT)],
    ErrorResponse: [one("error_code", 1, INT), one("error_message", 2, TEXT)],
  };
  return withJsonNames(fromJson(FileDescriptorProtoSchema, JSON.parse(JSON.stringify({
    name: `grpc/reflection/${version}/reflection.proto`,
    package: `grpc.reflection.${version}`,
    syntax: "proto3",
    messageType: Object.entries(messages).map(([name, field]) => ({ name, field })),
    service: [{
      name: "ServerReflection",
      method: [{
        name: "ServerReflectionInfo",
        inputType: type("ServerReflectionRequest"),
        outputType: type("ServerReflectionResponse"),
        clientStreaming: true,
        serverStreaming: true,
      }],
    }],
  }))));
}
