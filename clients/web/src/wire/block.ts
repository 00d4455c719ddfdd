/** Header blocks: the payload of HEADERS and TRAILERS frames (docs/grpc-webtransport.md, section 4). */

import { Code, ConnectError } from "@connectrpc/connect";

/** What belongs to one hop of HTTP, or is what Connect sets for it. The gateway ignores them. */
const OF_HOPS =
  /^(te|host|connection|content-length|user-agent|transfer-encoding|keep-alive|upgrade|trailer|http2-settings|proxy-.*)$/;
const NAME = /^[0-9a-z_.-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LINE = /^([0-9a-z_.-]+):([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Writes the headers that may be sent, after the path of the method if it is the block of a request.
 *
 * Throws a ConnectError `INTERNAL` for what the wire cannot carry, which is how Connect on Node.js and grpc-go answer
 * such metadata.
 */
export function encodeBlock(path: string | undefined, headers: Headers): Uint8Array {
  let lines = path === undefined ? "" : line(":path", path);
  for (const [name, value] of headers) {
    if (OF_HOPS.test(name)) continue;
    if (!NAME.test(name) || !VALUE.test(value)) {
      throw new ConnectError(`the header ${JSON.stringify(name)} cannot be sent`, Code.Internal);
    }
    // `Headers` joins the values of a name. Base64 has no commas, so those of binary names can be told apart again,
    // which not every server does.
    const values = name.endsWith("-bin") ? value.replaceAll("=", "").split(/[ \t]*,[ \t]*/) : [value];
    for (const one of values) lines += line(name, one);
  }
  return Uint8Array.from(lines, (character) => character.charCodeAt(0));
}

/** Reads a block of a response. Throws a ConnectError `INTERNAL` if that is malformed. */
export function decodeBlock(block: Uint8Array): Headers {
  // As in HTTP, a byte is a character: what is not ASCII is passed on as it is.
  let text = "";
  for (const byte of block) text += String.fromCharCode(byte);
  const lines = text.split("\r\n");
  if (lines.pop() !== "") throw malformed();
  const headers = new Headers();
  for (const read of lines) {
    const [, name, value] = LINE.exec(read) ?? [];
    if (name === undefined || value === undefined) throw malformed();
    headers.append(name, value);
  }
  return headers;
}

function line(name: string, value: string): string {
  return `${name}: ${value}\r\n`;
}

function malformed(): ConnectError {
  return new ConnectError("the gateway sent a malformed header block", Code.Internal);
}
