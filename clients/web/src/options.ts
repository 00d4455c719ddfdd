/** What the transports of this package can be told. */

import type { Interceptor } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import type { BinaryReadOptions, BinaryWriteOptions, JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";

import type { CarrierName, CarrierState } from "./lane.js";

/** What every transport takes, whatever carries its calls. The names are those of Connect's own transports. */
export interface TransportOptions {
  /** Where the gateway is, such as `https://api.example.com`. A path is put before that of each call for `fetch` only. */
  baseUrl: string;
  /** Messages as JSON, if false. `true` by default. */
  useBinaryFormat?: boolean;
  /** Run for each call, the first one outermost. */
  interceptors?: Interceptor[];
  /** How JSON is read and written; with a registry if messages contain `Any`. */
  jsonOptions?: Partial<JsonReadOptions & JsonWriteOptions>;
  /** How protobuf is read and written. */
  binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions>;
  /** The deadline of calls that have none of their own, in milliseconds. None by default. */
  defaultTimeoutMs?: number;
  /** What messages of the gateway may be compressed with; see {@link compressionGzip}. Nothing by default. */
  acceptCompression?: Compression[];
  /** What messages to the gateway are compressed with. Nothing by default. */
  sendCompression?: Compression;
  /** Smaller messages are not compressed, in bytes. 1024 by default. */
  compressMinBytes?: number;
  /** The largest message that is read, in bytes; a larger one ends its call with `RESOURCE_EXHAUSTED`. 4 MiB by default. */
  readMaxBytes?: number;
  /** The largest message that is written, in bytes. 4 MiB by default. */
  writeMaxBytes?: number;
  /** Told whenever a carrier's state changes, for pages that show it. What it throws is ignored. */
  onState?: (state: CarrierState) => void;
}

/** How long is waited before another attempt: longer each time, and never for everybody alike. */
export interface BackoffOptions {
  /** After the first failure, in milliseconds. 200 by default. */
  initialMs?: number;
  /** At most, in milliseconds. 10,000 by default. */
  maxMs?: number;
  /** What part of the pause is left to chance, 0 to 1. 0.3 by default. */
  jitter?: number;
}

/** How calls share WebTransport sessions. */
export interface SessionOptions {
  /** Sessions at once, without those that drain. 2 by default. */
  max?: number;
  /** Calls on one session from which on another is opened, if there may be more. 100 by default. */
  maxCallsPerSession?: number;
  /** How long a session without calls stays open, in milliseconds. 60,000 by default. */
  idleMs?: number;
}

/** The certificates that a development gateway is trusted by, or a way to get them: asked for each new session. */
export type CertificateHashes = WebTransportHash[] | (() => Promise<WebTransportHash[]>);

/** What a transport on WebTransport takes. */
export interface WebTransportOptions extends TransportOptions {
  /** Where sessions open, if not at `/grpc-wt/v1` of `baseUrl`. */
  webTransportUrl?: string;
  /** Certificates that need no authority, for development: browsers take those that are valid for 14 days at most. */
  serverCertificateHashes?: CertificateHashes;
  /** What admits a session: put into its address as `ticket`, and asked for each new session. */
  ticket?: () => Promise<string>;
  /** How calls share sessions. */
  sessions?: SessionOptions;
  /** How long the opening of a session may take, in milliseconds. 5,000 by default. */
  connectTimeoutMs?: number;
  /** The pauses between attempts to open a session. */
  backoff?: BackoffOptions;
  /** A WebTransport for runtimes that have none of their own. */
  webTransport?: typeof WebTransport;
}

/** What a transport on WebSockets takes. */
export interface WebSocketOptions extends TransportOptions {
  /** Where WebSockets open, if not at `/grpc-ws/v1` of `baseUrl`. */
  webSocketUrl?: string;
  /** What admits a WebSocket: put into its address as `ticket`, and asked for each new one. */
  ticket?: () => Promise<string>;
  /** How long the opening of a WebSocket may take, in milliseconds. 10,000 by default. */
  connectTimeoutMs?: number;
  /** A WebSocket for runtimes that have none of their own. */
  webSocket?: typeof WebSocket;
}

/** What {@link createGatewayTransport} takes. */
export interface GatewayTransportOptions
  extends Omit<WebTransportOptions, "connectTimeoutMs">, Omit<WebSocketOptions, "connectTimeoutMs"> {
  /** What may carry calls, the best first. All by default, in the order of {@link CarrierName}. */
  carriers?: CarrierName[];
  /** How long WebTransport may take before a WebSocket is tried beside it, in milliseconds. 300 by default. */
  headStartMs?: number;
  /** How long a connection may take to open, in milliseconds. 10,000 by default. */
  connectTimeoutMs?: number;
  /**
   * How long WebTransport is left alone after it could not be reached, in milliseconds. 300,000 by default; it is tried
   * again at once when the browser says that it is back online.
   */
  retryWebTransportAfterMs?: number;
  /** A `fetch` for runtimes that have none, or to see what is asked. */
  fetch?: typeof fetch;
}
