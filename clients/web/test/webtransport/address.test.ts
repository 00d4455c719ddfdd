import { afterEach, describe, expect, test, vi } from "vitest";

import type { WebTransportOptions } from "../../src/options.js";
import { AddressBook } from "../../src/webtransport/address.js";

const never = new AbortController().signal;
const HASH = { algorithm: "sha-256", value: new Uint8Array([1, 2, 3]) };

const nobody = () => expect.fail("nobody is to be asked");

const book = (options: Partial<WebTransportOptions>, ask: typeof fetch = nobody) =>
  new AddressBook({ baseUrl: "https://gateway", fetch: ask, ...options });

/** A gateway that answers so, and counts how often. */
function answering(answer: unknown, status = 200) {
  return vi.fn<typeof fetch>(async () => Response.json(answer, { status }));
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test("is at the path of the wire, whatever the path of the gateway's calls", async () => {
  expect(await book({}).find(never)).toEqual({ url: "https://gateway/grpc-wt/v1", hashes: undefined });
  const { url } = await book({ baseUrl: "https://gateway:1/api/" }).find(never);
  expect(url).toBe("https://gateway:1/grpc-wt/v1");
});

test("may be relative to the page", async () => {
  vi.stubGlobal("location", { href: "https://page/deep/down" });
  expect(await book({ baseUrl: "/" }).find(never)).toMatchObject({ url: "https://page/grpc-wt/v1" });
});

test("may be told, and is then not looked for", async () => {
  const { url } = await book({ baseUrl: "http://gateway", webTransportUrl: "https://elsewhere:2/there" }).find(never);
  expect(url).toBe("https://elsewhere:2/there");
});

test("has a ticket, a new one each time", async () => {
  let tickets = 0;
  const tested = book({ webTransportUrl: "https://gateway/wt?a=b", ticket: async () => `no&${++tickets}` });
  expect((await tested.find(never)).url).toBe("https://gateway/wt?a=b&ticket=no%261");
  expect((await tested.find(never)).url).toBe("https://gateway/wt?a=b&ticket=no%262");
});

test("has hashes, or somebody to ask for them each time", async () => {
  expect((await book({ serverCertificateHashes: [HASH] }).find(never)).hashes).toEqual([HASH]);
  const ask = vi.fn(async () => [HASH]);
  const tested = book({ serverCertificateHashes: ask });
  await tested.find(never);
  expect((await tested.find(never)).hashes).toEqual([HASH]);
  expect(ask).toHaveBeenCalledTimes(2);
});

describe("of a gateway without https", () => {
  const answer = { versions: [1], webtransport_url: "https://127.0.0.1:8443/grpc-wt/v1", certificate_hashes: ["AQID"] };

  test("is what it says", async () => {
    const ask = answering(answer);
    const found = await book({ baseUrl: "http://gateway:8080" }, ask).find(never);
    expect(ask.mock.calls[0]![0]).toBe("http://gateway:8080/grpc-wt/v1");
    expect(found).toEqual({ url: answer.webtransport_url, hashes: [HASH] });
  });

  test("is asked for once, until it is forgotten", async () => {
    const ask = answering(answer);
    const tested = book({ baseUrl: "http://gateway" }, ask);
    await tested.find(never);
    await tested.find(never);
    expect(ask).toHaveBeenCalledTimes(1);
    tested.forget();
    await tested.find(never);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  test("has the hashes that were given, if any were", async () => {
    const own = { algorithm: "sha-256", value: new Uint8Array([9]) };
    const tested = book({ baseUrl: "http://gateway", serverCertificateHashes: [own] }, answering(answer));
    expect((await tested.find(never)).hashes).toEqual([own]);
  });

  test.each([
    ["names none", answering({ versions: [1], webtransport: false })],
    ["knows nothing of it", answering({}, 404)],
  ])("cannot be found if it %s", async (_, ask) => {
    await expect(book({ baseUrl: "http://gateway" }, ask).find(never)).rejects.toMatchObject({ name: "Unreached" });
  });

  test("is asked again after a failure", async () => {
    const ask = answering(answer);
    ask.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    const tested = book({ baseUrl: "http://gateway" }, ask);
    await expect(tested.find(never)).rejects.toThrow("Failed to fetch");
    expect((await tested.find(never)).url).toBe(answer.webtransport_url);
  });
});
