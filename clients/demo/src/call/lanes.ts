/** The ways that a call can take, side by side: the package's own choice, and each protocol by itself. */

import {
  createGatewayTransport, createWebSocketTransport, createWebTransportTransport,
} from "@sluicegate/web";
import type { CarrierName, CarrierState, GatewayTransport } from "@sluicegate/web";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";

import type { Network } from "../network.js";
import { certificateHashes, loadSettings } from "../settings.js";
import type { Settings } from "../settings.js";
import { connectTransport } from "./connect.js";

export type LaneName = "automatic" | "webtransport" | "websocket" | "grpc-web" | "connect";

/** One way to call. */
export interface Lane {
  name: LaneName;
  title: string;
  /** What it is, for who reads it the first time. */
  about: string;
  transport: Transport;
  /** Whether calls that stream from the client can travel on it. */
  carriesStreams: boolean;
}

export interface Lanes {
  all: Lane[];
  automatic: GatewayTransport;
}

/** How long a connection may take to open: who tries the switches should not have to wait. */
const CONNECT_MS = 3000;
/** After how long the automatic lane tries WebTransport again, which applications leave alone for longer. */
export const RETRY_MS = 3000;

export interface LaneWitness {
  /** A call of this lane was put on a carrier. */
  used(lane: LaneName, carrier: CarrierName): void;
  /** The automatic lane's carriers. */
  state(state: CarrierState): void;
}

export function createLanes(settings: Settings, network: Network, witness: LaneWitness): Lanes {
  const baseUrl = location.origin;
  const carriersOf = (lane: LaneName) => network.carriers((carrier) => witness.used(lane, carrier));
  const webTransport = (lane: LaneName) => {
    const { webTransport } = carriersOf(lane);
    return {
      ...(webTransport && { webTransport }),
      ...(settings.webtransport_url !== null && { webTransportUrl: settings.webtransport_url }),
      // Asked for each session, because a gateway that was started anew has another certificate.
      ...(settings.certificate_hash !== null && {
        serverCertificateHashes: async () => certificateHashes(await loadSettings()) ?? [],
      }),
      backoff: { maxMs: RETRY_MS },
    };
  };
  const automatic = createGatewayTransport({
    baseUrl,
    ...webTransport("automatic"),
    webSocket: carriersOf("automatic").webSocket,
    fetch: carriersOf("automatic").fetch,
    connectTimeoutMs: CONNECT_MS,
    retryWebTransportAfterMs: RETRY_MS,
    onState: (state) => witness.state(state),
  });
  const all: Lane[] = [
    {
      name: "automatic", title: "Automatic", transport: automatic, carriesStreams: true,
      about: "createGatewayTransport: the best carrier that works",
    },
    {
      name: "webtransport", title: "WebTransport", carriesStreams: true,
      about: "one stream of a QUIC session for each call",
      transport: "WebTransport" in globalThis
        ? createWebTransportTransport({ baseUrl, ...webTransport("webtransport"), connectTimeoutMs: CONNECT_MS })
        : missing("this browser, or this page, has no WebTransport: it needs https or a loopback address"),
    },
    {
      name: "websocket", title: "WebSocket", carriesStreams: true,
      about: "one WebSocket for each call",
      transport: createWebSocketTransport({
        baseUrl, webSocket: carriersOf("websocket").webSocket, connectTimeoutMs: CONNECT_MS,
      }),
    },
    {
      name: "grpc-web", title: "gRPC-Web", carriesStreams: false,
      about: "fetch, as most pages call gRPC today",
      transport: createGatewayTransport({ baseUrl, carriers: ["fetch"], fetch: carriersOf("grpc-web").fetch }),
    },
    {
      name: "connect", title: "Connect", carriesStreams: false,
      about: "fetch, in Connect's own protocol",
      transport: connectTransport(baseUrl, carriersOf("connect").fetch),
    },
  ];
  return { all, automatic };
}

function missing(why: string): Transport {
  const refuse = async (): Promise<never> => {
    throw new ConnectError(why, Code.Unavailable);
  };
  return { unary: refuse, stream: refuse };
}
