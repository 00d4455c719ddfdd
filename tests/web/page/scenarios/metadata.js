// What calls carry besides messages, and compression.

import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { Code, decodeBinaryHeader, encodeBinaryHeader } from "@connectrpc/connect";
import { compressionGzip } from "@sluicegate/web";

import { Conversation, expect, expectEqual, expectError, message, payload } from "../stage.js";

const ALL = ["webtransport", "websocket", "fetch"];
const WORDS = ["one", "two"];
const BINARY = [Uint8Array.of(0, 255, 10, 13, 128, 44), Uint8Array.of(9)];

/** Asks for it back as initial metadata and as trailers. */
function askedBack() {
  const headers = new Headers();
  for (const kind of ["initial", "trailing"]) {
    for (const word of WORDS) headers.append(`echo-${kind}-words`, word);
    for (const bytes of BINARY) headers.append(`echo-${kind}-bytes-bin`, encodeBinaryHeader(bytes));
  }
  return headers;
}

function expectMetadata(metadata) {
  expectEqual(metadata.get("words"), WORDS.join(", "), "words");
  const arrived = metadata.get("bytes-bin")?.split(/,\s*/).map((value) => [...decodeBinaryHeader(value)]);
  expectEqual(arrived, BINARY.map((bytes) => [...bytes]), "binary metadata");
}

/** Makes a call with metadata, and checks what of it came back. */
async function metadata(stage, call) {
  let initial, trailing;
  const options = {
    headers: askedBack(),
    onHeader: (headers) => (initial = headers),
    onTrailer: (trailers) => (trailing = trailers),
  };
  await call(options);
  expectMetadata(initial);
  expectMetadata(trailing);
}

const metadataOfUnary = (stage) => metadata(stage, (options) => stage.client().unaryCall({}, options));

const metadataOfStream = (stage) =>
  metadata(stage, async (options) => {
    const replies = stage.client().streamingOutputCall({ responseParameters: [{ size: 1 }] }, options);
    for await (const _ of replies);
  });

async function details(stage) {
  const detail = create(message("EchoStatus"), { code: 42, message: "why" });
  const status = new BinaryWriter()
    .uint32((1 << 3) | 0).int32(Code.NotFound)
    .uint32((2 << 3) | 2).string("nowhere")
    .uint32((3 << 3) | 2).bytes(toBinary(AnySchema, anyPack(message("EchoStatus"), detail)))
    .finish();
  const call = stage.client().unaryCall(
    { responseStatus: { code: Code.NotFound, message: "nowhere" } },
    { headers: { "echo-trailing-grpc-status-details-bin": encodeBinaryHeader(status) } },
  );
  const error = await expectError(call, Code.NotFound);
  expectEqual(error.findDetails(message("EchoStatus")).map(({ code, message }) => [code, message]), [[42, "why"]], "details");
}

async function gzip(stage) {
  const compression = compressionGzip();
  const client = stage.client({ sendCompression: compression, acceptCompression: [compression] });
  const size = 1_000_000;
  const response = await client.unaryCall({ responseSize: size, ...payload(size) });
  expectEqual(response.payload.body.length, size, "bytes of the response");
  const { bytes_received, bytes_sent } = await stage.logged("UnaryCall", { grpc_status: 0 });
  expect(bytes_received < 50_000 && bytes_sent < 50_000, `${bytes_received} bytes went up and ${bytes_sent} down`);
}

async function gzipInBothDirections(stage) {
  const compression = compressionGzip();
  const client = stage.client({ sendCompression: compression, acceptCompression: [compression], compressMinBytes: 0 });
  const conversation = new Conversation(client);
  for (const size of [100_000, 0, 100_000]) await conversation.say(size);
  await conversation.end();
  const { bytes_sent } = await stage.logged("FullDuplexCall", { grpc_status: 0 });
  expect(bytes_sent < 20_000, `${bytes_sent} bytes went down`);
}

export const METADATA = [
  { name: "metadata, repeated and binary", carriers: ALL, play: metadataOfUnary },
  { name: "metadata of a stream", carriers: ALL, play: metadataOfStream },
  { name: "error details", carriers: ALL, play: details },
  { name: "gzip", carriers: ALL, play: gzip },
  { name: "gzip of a bidi call", carriers: ["webtransport", "websocket"], play: gzipInBothDirections },
];
