// The test service, as its clients take it.

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The services that a FileDescriptorSet describes. */
export function servicesOf(descriptors) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  return {
    TestService: registry.getService("grpc.testing.TestService"),
    UnimplementedService: registry.getService("grpc.testing.UnimplementedService"),
  };
}
