import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { LaneError } from "../../src/lane.js";
import { bytesGranted, ResponseWindow, Window } from "../../src/websocket/window.js";
import { codeOfReset } from "../../src/wire/codes.js";
import { DATAGRAMS, DRAIN, frame, HEADERS, MESSAGE, MESSAGE_COMPRESSED, REFUSED, TRAILERS, WINDOW } from "../../src/wire/frame.js";
import { random } from "../wire/random.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const FREE = [HEADERS, TRAILERS, DRAIN, DATAGRAMS, WINDOW, REFUSED];

/** A message that costs so much. */
const costing = (bytes: number, flags = MESSAGE) => frame(flags, new Uint8Array(bytes - 128 - 5));

/** What `run` is taken for by a call, if it throws. */
function failure(run: () => void): Code | undefined {
  try {
    run();
  } catch (error) {
    return codeOfReset((error as LaneError).code);
  }
  return undefined;
}

/** The numbers of all frames that are to be sent now. */
function grants(window: ResponseWindow): number[] {
  const grant = window.grant();
  expect(window.grant()).toBeUndefined();
  return grant ? [bytesGranted(grant)] : [];
}

describe("a window", () => {
  test("is 64 KiB at first, and open until all of that is spent", () => {
    const window = new Window();
    window.spend(costing(64 * KIB - 133));
    expect(window.admits(costing(MIB))).toBe(true);
    window.spend(costing(133));
    expect(window.admits(costing(133))).toBe(false);
    window.widen(1);
    expect(window.admits(costing(MIB))).toBe(true);
  });

  test("must make up for what went beyond it", () => {
    const window = new Window();
    window.spend(costing(MIB));
    window.widen(MIB - 64 * KIB);
    expect(window.admits(costing(133))).toBe(false);
    window.widen(1);
    expect(window.admits(costing(133))).toBe(true);
  });

  test.each(FREE)("is not needed for flags %i", (flags) => {
    const window = new Window();
    for (let sent = 0; sent < 5; sent += 1) window.spend(costing(32 * KIB, flags));
    expect(window.admits(costing(MIB))).toBe(true);
    window.spend(costing(64 * KIB));
    expect(window.admits(costing(200, flags))).toBe(true);
  });

  test.each([MESSAGE, MESSAGE_COMPRESSED, 0x20, 0x2d, 0x6c, 0xff])("is spent by flags %i", (flags) => {
    const window = new Window();
    window.spend(costing(64 * KIB, flags));
    expect(window.admits(costing(133, flags))).toBe(false);
  });

  test("is what a simple model says, whatever is sent", () => {
    const below = random(1);
    const window = new Window();
    let left = 65_536;
    for (let step = 0; step < 3_000; step += 1) {
      const sent = frame(below(4) ? MESSAGE : FREE[below(FREE.length)]!, new Uint8Array(below(1 << below(18))));
      const isFree = sent[0] !== MESSAGE;
      expect(window.admits(sent)).toBe(isFree || left > 0);
      if (window.admits(sent)) {
        window.spend(sent);
        if (!isFree) left -= sent.length + 128;
      } else {
        const more = below(1 << 17);
        window.widen(more);
        left += more;
      }
    }
  });
});

describe("the window of a response", () => {
  test("is made a MiB at first", () => {
    const window = new ResponseWindow();
    expect(window.grant()).toEqual(Uint8Array.of(WINDOW, 0, 0, 0, 4, 0, 0x0f, 0, 0));
    for (let sent = 0; sent < 16; sent += 1) window.received(costing(64 * KIB));
    expect(failure(() => window.received(costing(133)))).toBe(Code.Internal);
  });

  test("is 64 KiB until then", () => {
    const window = new ResponseWindow();
    window.received(costing(64 * KIB));
    expect(failure(() => window.received(costing(133)))).toBe(Code.Internal);
  });

  test("is granted again when an eighth of it was taken", () => {
    const window = new ResponseWindow();
    expect(grants(window)).toEqual([MIB - 64 * KIB]);
    window.taken(costing(MIB / 8 - 1_000));
    window.taken(costing(999));
    window.taken(frame(HEADERS, new Uint8Array(10 * KIB)));
    expect(grants(window)).toEqual([]);
    window.taken(costing(200));
    expect(grants(window)).toEqual([MIB / 8 + 199]);
    window.taken(costing(200));
    expect(grants(window)).toEqual([]);
  });

  test("keeps the gateway going and memory small, whatever is sent and taken", () => {
    const below = random(2);
    const window = new ResponseWindow();
    const unread: Uint8Array[] = [];
    // In bytes, of all that was ever sent, taken and granted.
    let sent = 0;
    let taken = 0;
    let granted = 65_536 + grants(window)[0]!;
    for (let step = 0; step < 5_000; step += 1) {
      const next = frame(below(4) ? MESSAGE : FREE[below(FREE.length)]!, new Uint8Array(below(1 << below(22))));
      const cost = next[0] === MESSAGE ? next.length + 128 : 0;
      // It reads much for a while, and then little.
      if (unread.length && below(10) < 3 + ((step / 500) & 4)) {
        const first = unread.shift()!;
        window.taken(first);
        if (first[0] === MESSAGE) taken += first.length + 128;
        for (const grant of grants(window)) {
          expect(grant).toBeGreaterThanOrEqual(MIB / 8);
          granted += grant;
        }
        expect(granted).toBeLessThanOrEqual(taken + MIB);
        expect(granted).toBeGreaterThan(taken + MIB - MIB / 8);
      } else if (sent < granted || cost === 0) {
        window.received(next);
        unread.push(next);
        sent += cost;
      } else {
        expect(failure(() => window.received(next))).toBe(Code.Internal);
      }
    }
    expect(sent).toBeGreaterThan(20 * MIB);
  });
});

test.each([
  [[0, 0, 0, 0], 0],
  [[0, 1, 2, 3], 0x010203],
  [[255, 255, 255, 255], 0xffff_ffff],
])("a WINDOW frame of %o grants %i", (payload, bytes) => {
  expect(bytesGranted(frame(WINDOW, Uint8Array.from(payload)))).toBe(bytes);
});

test.each([0, 1, 3, 5, 8])("a WINDOW frame of %i bytes is an error", (length) => {
  expect(failure(() => bytesGranted(frame(WINDOW, new Uint8Array(length))))).toBe(Code.Internal);
});
