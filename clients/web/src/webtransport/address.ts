/** Where sessions open, and which certificates are trusted there. */

import { Unreached } from "../lane.js";
import type { WebTransportOptions } from "../options.js";

const PATH = "/grpc-wt/v1";

/** What a session is opened with. */
export interface Address {
  url: string;
  /** `undefined` if the certificate needs an authority, as usual. */
  hashes: WebTransportHash[] | undefined;
}

/** What a gateway says of its WebTransport, as far as it is read here. */
interface Answer {
  webtransport_url?: string | null;
  certificate_hashes?: string[] | null;
}

/** Finds the {@link Address} for each new session. */
export class AddressBook {
  #answer: Answer | undefined;

  constructor(private readonly options: WebTransportOptions & { fetch?: typeof fetch }) {}

  /**
   * The address for one new session, with its ticket.
   *
   * WebTransport needs https. So a `baseUrl` of `http:`, as a gateway for development has, is asked where else to go;
   * the answer is remembered until {@link forget}. One of `https:` is not asked: that would only cost time.
   */
  async find(signal: AbortSignal): Promise<Address> {
    const { baseUrl, webTransportUrl, serverCertificateHashes: trusted, ticket } = this.options;
    let found = webTransportUrl;
    let hashes = typeof trusted === "function" ? await trusted() : trusted;
    if (found === undefined) {
      const ownPath = new URL(PATH, new URL(baseUrl, globalThis.location?.href));
      found = ownPath.href;
      if (ownPath.protocol === "http:") {
        const answer = (this.#answer ??= await this.#ask(found, signal));
        if (!answer.webtransport_url) throw new Unreached(`${found} names no address for WebTransport`);
        found = answer.webtransport_url;
        hashes ??= answer.certificate_hashes?.map(toHash);
      }
    }
    const url = new URL(found);
    if (ticket) url.searchParams.set("ticket", await ticket());
    return { url: url.href, hashes };
  }

  /** Asks again the next time: a gateway that was started anew may have another port and another certificate. */
  forget(): void {
    this.#answer = undefined;
  }

  async #ask(url: string, signal: AbortSignal): Promise<Answer> {
    const { fetch = globalThis.fetch } = this.options;
    const response = await fetch(url, { signal, headers: { accept: "application/json" } });
    if (!response.ok) throw new Unreached(`${url} answered ${response.status}`);
    return await response.json();
  }
}

function toHash(base64: string): WebTransportHash {
  return { algorithm: "sha-256", value: Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)) };
}
