// The test service of tests/peers/proto, as descriptors that Connect's clients take. Nothing is generated.

import protobufjs from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";
import { fileURLToPath } from "node:url";

import { servicesOf } from "./services.mjs";

const source = fileURLToPath(new URL("../proto/interop.proto", import.meta.url));
const set = protobufjs.loadSync(source).resolveAll().toDescriptor("proto3");
for (const file of set.file) {
  // protobufjs writes names as the file has them; a descriptor wants them whole.
  const whole = (name) => (!name || name.startsWith(".") ? name : `.${file.package}.${name}`);
  for (const field of file.messageType.flatMap((message) => message.field)) {
    field.typeName = whole(field.typeName);
    // Nor does it write a name for JSON that is no other.
    field.jsonName ||= field.name;
  }
  for (const method of file.service.flatMap((service) => service.method)) {
    Object.assign(method, { inputType: whole(method.inputType), outputType: whole(method.outputType) });
  }
}

/** A FileDescriptorSet of the proto file. */
export const descriptors = descriptor.FileDescriptorSet.encode(set).finish();
export const { TestService, UnimplementedService } = servicesOf(descriptors);
