/**
 * Every kind of gRPC call from browsers, through a Sluicegate gateway.
 *
 * @packageDocumentation
 */

export { compressionGzip } from "./compression.js";
export { createGatewayTransport, type GatewayTransport } from "./gateway/transport.js";
export type { CarrierName, CarrierState } from "./lane.js";
export type {
  BackoffOptions,
  CertificateHashes,
  GatewayTransportOptions,
  SessionOptions,
  TransportOptions,
  WebSocketOptions,
  WebTransportOptions,
} from "./options.js";
export { createWebSocketTransport } from "./websocket/transport.js";
export { createWebTransportTransport } from "./webtransport/transport.js";
