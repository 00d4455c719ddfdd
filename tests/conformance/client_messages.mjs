// What the conformance suite says and is told, by names: no code is generated for its protos.

import { create } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";

const PACKAGE = "connectrpc.conformance.v1";

export class Messages {
  constructor(registry) {
    this.registry = registry;
  }

  type(name) {
    return this.registry.getMessage(`${PACKAGE}.${name}`);
  }

  create(name, fields) {
    return create(this.type(name), fields);
  }

  /** The name of a value of an enum, in lower case and without that of the enum: `grpc_web` of `PROTOCOL_GRPC_WEB`. */
  enumName(name, number) {
    return this.registry.getEnum(`${PACKAGE}.${name}`).value[number].localName.toLowerCase();
  }

  unpack(any) {
    return anyUnpack(any, this.registry);
  }

  /** Header fields as a list of `Header`. */
  headers(fields) {
    return [...fields].map(([name, value]) => this.create("Header", { name, value: [value] }));
  }

  /** A `ConnectError` as an `Error`. */
  error({ code, rawMessage, details }) {
    return this.create("Error", {
      code,
      message: rawMessage,
      details: details.map(({ type, value }) => ({ typeUrl: `type.googleapis.com/${type}`, value })),
    });
  }
}
