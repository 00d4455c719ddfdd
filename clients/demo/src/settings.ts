/** What the gateway that serves the page says of itself. */

export interface Settings {
  /** Whether the demo's services are behind it. If not, they are the user's own. */
  demo: boolean;
  /** Where WebTransport sessions open; `null` if they are off. */
  webtransport_url: string | null;
  /** SHA-256 of its certificate in base64; `null` if browsers trust the certificate by themselves. */
  certificate_hash: string | null;
  /** The `x-api-key` that opens the demo's vault; `null` if the gateway does not guard it. */
  api_key: string | null;
}

/** Asks for the settings. They change when the gateway is started anew, with another certificate. */
export async function loadSettings(): Promise<Settings> {
  const response = await fetch("/demo/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()) as Settings;
}

/** The certificate as WebTransport wants it; `undefined` if none needs to be named. */
export function certificateHashes(settings: Settings): WebTransportHash[] | undefined {
  if (settings.certificate_hash === null) return undefined;
  const value = Uint8Array.from(atob(settings.certificate_hash), (character) => character.charCodeAt(0));
  return [{ algorithm: "sha-256", value }];
}
