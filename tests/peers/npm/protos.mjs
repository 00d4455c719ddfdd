// The test service of tests/peers/proto, as descriptors that Connect's clients take. Nothing is generated.

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import protobufjs from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../proto/interop.proto", import.meta.url));
const set = protobufjs.loadSync(source).resolveAll().toDescriptor("proto3");
for (const file of set.file) {
  // protobufjs writes names as the file has them; a descriptor wants them whole.
  const whole = (name) => (!name || name.startsWith(".") ? name : `.${file.package}.${name}`);
  for (const field of file.messageType.flatMap((message) => message.field)) field.typeName = whole(field.typeName);
  for (const method of file.service.flatMap((service) => service.method)) {
    Object.assign(method, { inputType: whole(method.inputType), outputType: whole(method.outputType) });
  }
}
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, descriptor.FileDescriptorSet.encode(set).finish()),
);

export const TestService = registry.getService("grpc.testing.TestService");
export const UnimplementedService = registry.getService("grpc.testing.UnimplementedService");
