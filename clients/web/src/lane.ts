/**
 * What a call travels on: one stream of a WebTransport session, or one WebSocket.
 *
 * Both carry the same frames (docs/grpc-webtransport.md, sections 3 and 11), so whatever makes a call of frames knows
 * only what stands here.
 */

/** What can carry calls. `fetch` carries those that do not stream from the client, in gRPC-Web. */
export type CarrierName = "webtransport" | "websocket" | "fetch";

/** One call's way to the gateway and back. Nothing has been sent on a new one. */
export interface Lane {
  readonly carrier: CarrierName;

  /**
   * Sends one whole frame. Resolves when there is room for another: this is the network's back-pressure, and who does
   * not wait for it fills memory. Rejects with a {@link LaneError} when the gateway wants no more, though the response
   * may still come, or when the lane is gone.
   */
  send(frame: Uint8Array): Promise<void>;

  /** Ends the request, after its last frame. Rejects as `send` does. */
  finish(): Promise<void>;

  /**
   * The next bytes of the response, cut anywhere; `undefined` after the last. Rejects with a {@link LaneError} when the
   * response was reset or the lane is gone. It is asked for one at a time, and while it is not, little is read ahead:
   * this is the application's back-pressure.
   */
  receive(): Promise<Uint8Array | undefined>;

  /**
   * Gives the lane up in both directions, with a code of section 7 of the wire: 0 when the response is complete, 1 to 16
   * to cancel. Whoever waits in `send`, `finish` or `receive` is rejected. Any number of times, at any time.
   */
  cancel(code: number): void;

  /** The gateway has said on this lane that it goes away: new calls should take another way. */
  draining(): void;
}

/** Opens lanes. */
export interface Carrier {
  readonly name: CarrierName;

  /** Whether a lane can be had without connecting first. */
  readonly isOpen: boolean;

  /**
   * Opens a lane. Rejects with a {@link Unreached} when that failed, or with the signal's reason when it was aborted;
   * either way nothing of a call has been sent.
   */
  open(signal: AbortSignal): Promise<Lane>;

  /** Gives up every connection. Open lanes are lost with them; the next `open` connects again. */
  close(): void;
}

/** Why a lane ended before its response did. */
export class LaneError extends Error {
  override readonly name = "LaneError";

  /**
   * @param message For humans.
   * @param code What the gateway ended the lane with, in the codes of section 7 of the wire; `undefined` when the lane
   *   was lost rather than ended: the session or the connection is gone.
   */
  constructor(message: string, readonly code: number | undefined, options?: ErrorOptions) {
    super(message, options);
  }
}

/** No lane could be opened. Nothing was sent, so the call may take any other way. */
export class Unreached extends Error {
  override readonly name = "Unreached";
}

/** What is known of a carrier; see {@link GatewayTransportOptions.onState}. */
export interface CarrierState {
  /** Which one. */
  readonly carrier: CarrierName;
  /** `down` until it is tried again; `idle` before the first call, and after nothing was open for a while. */
  readonly phase: "idle" | "connecting" | "open" | "draining" | "down";
  /** How often it could not be reached in a row. */
  readonly failures: number;
  /** What went wrong the last time, if that is why it is `down`. */
  readonly error?: unknown;
}
