/**
 * Calls with messages of google-protobuf, which `protoc-gen-js` makes and pages with Google's `grpc-web` have.
 *
 * The clients that `protoc-gen-grpc-web` makes cannot be put on another transport: what reads a response is no public
 * part of their method descriptors, and methods that stream from the client they leave out. Their messages can be used,
 * because each writes itself and its class reads it.
 *
 * @packageDocumentation
 */

import { create, createFileRegistry, fromBinary, toBinary, type DescService } from "@bufbuild/protobuf";
import { EmptySchema, FileDescriptorProtoSchema, file_google_protobuf_empty, type Empty } from "@bufbuild/protobuf/wkt";
import { createClient, type CallOptions, type Transport } from "@connectrpc/connect";

/** A message of google-protobuf. */
export interface JspbMessage {
  /** Itself, as on the wire. */
  serializeBinary(): Uint8Array;
}

/** What reads a message: `deserializeBinary` of its class. */
export type Parse<O> = (bytes: Uint8Array) => O;

/**
 * Makes the methods of services whose messages are google-protobuf's. A path is the method's, such as
 * `/demo.v1.Demo/Chat`. Errors are Connect's `ConnectError`, options those of its clients.
 */
export interface MessageClient {
  /** A method with one request and one response. */
  unary<O>(path: string, parse: Parse<O>): (request: JspbMessage, options?: CallOptions) => Promise<O>;
  /** A method with one request and a stream of responses. */
  serverStreaming<O>(path: string, parse: Parse<O>): (request: JspbMessage, options?: CallOptions) => AsyncIterable<O>;
  /** A method with a stream of requests and one response. */
  clientStreaming<O>(
    path: string,
    parse: Parse<O>,
  ): (requests: AsyncIterable<JspbMessage>, options?: CallOptions) => Promise<O>;
  /** A method with a stream of requests and a stream of responses, side by side. */
  bidiStreaming<O>(
    path: string,
    parse: Parse<O>,
  ): (requests: AsyncIterable<JspbMessage>, options?: CallOptions) => AsyncIterable<O>;
}

/**
 * Makes a client for messages of google-protobuf.
 *
 * @param transport One with the binary format, which is the default. Its interceptors see messages without fields.
 * @throws TypeError, from the client's methods, if a path is none of a method.
 */
export function createMessageClient(transport: Transport): MessageClient {
  // Which of these a method is, its service says.
  type Call = (request: unknown, options?: CallOptions) => unknown;
  const call = (path: string, clientStreaming: boolean, serverStreaming: boolean): Call => {
    const service = serviceOf(path, clientStreaming, serverStreaming);
    const client = createClient(service, transport) as Record<string, Call>;
    return client[service.methods[0]!.localName]!;
  };
  return {
    unary(path, parse) {
      const send = call(path, false, false);
      return async (request, options) => read((await send(opaque(request), options)) as Empty, parse);
    },
    serverStreaming(path, parse) {
      const send = call(path, false, true);
      return (request, options) => readAll(send(opaque(request), options) as AsyncIterable<Empty>, parse);
    },
    clientStreaming(path, parse) {
      const send = call(path, true, false);
      return async (requests, options) => read((await send(opaqueAll(requests), options)) as Empty, parse);
    },
    bidiStreaming(path, parse) {
      const send = call(path, true, true);
      return (requests, options) => readAll(send(opaqueAll(requests), options) as AsyncIterable<Empty>, parse);
    },
  };
}

/** A service with this one method, all of whose fields are unknown. */
function serviceOf(path: string, clientStreaming: boolean, serverStreaming: boolean): DescService {
  const [, pack, service, name] = /^\/(?:([^/]+)\.)?([^/.]+)\/([^/]+)$/.exec(path) ?? [];
  if (service === undefined || name === undefined) throw new TypeError(`no path of a method: ${path}`);
  const type = `.${EmptySchema.typeName}`;
  const file = create(FileDescriptorProtoSchema, {
    name: path,
    package: pack ?? "",
    dependency: [file_google_protobuf_empty.proto.name],
    service: [{ name: service, method: [{ name, inputType: type, outputType: type, clientStreaming, serverStreaming }] }],
  });
  const registry = createFileRegistry(file, () => file_google_protobuf_empty);
  return registry.getService(pack === undefined ? service : `${pack}.${service}`)!;
}

// Fields that a message does not know are kept as they are, which makes a message without any an envelope for bytes.

function opaque(message: JspbMessage): Empty {
  return fromBinary(EmptySchema, message.serializeBinary());
}

function read<O>(message: Empty, parse: Parse<O>): O {
  return parse(toBinary(EmptySchema, message));
}

async function* opaqueAll(messages: AsyncIterable<JspbMessage>): AsyncIterable<Empty> {
  for await (const message of messages) yield opaque(message);
}

async function* readAll<O>(messages: AsyncIterable<Empty>, parse: Parse<O>): AsyncIterable<O> {
  for await (const message of messages) yield read(message, parse);
}
