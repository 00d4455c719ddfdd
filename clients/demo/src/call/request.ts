/** Reads what people type: messages, metadata and deadlines. What is wrong is said in words that fit beside the field. */

import { fromJsonString } from "@bufbuild/protobuf";
import type { DescMessage, Message, Registry } from "@bufbuild/protobuf";

/** Something that was typed and cannot be used. */
export class Mistake extends Error {
  override readonly name = "Mistake";
}

/** Where the number of a message stands in its text: from 1, so that a thousand messages need not be alike. */
const NUMBER = "{n}";

/** The `n`th message of a text in JSON. An empty text is an empty message. */
export function message(text: string, n: number, type: DescMessage, registry: Registry): Message {
  try {
    return fromJsonString(type, text.trim() === "" ? "{}" : text.replaceAll(NUMBER, String(n)), { registry });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Mistake(reason.replace(/^\[\w+\] /, "").replace(/^cannot decode (message )?/, "Not a message: "));
  }
}

/** Lines of `name: value`. */
export function metadata(text: string): Headers {
  const headers = new Headers();
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon < 1) throw new Mistake(`A line is “name: value”, unlike “${line.trim()}”`);
    if (!/^[0-9a-z_.-]+$/.test(name)) throw new Mistake(`“${name}” cannot be the name of metadata`);
    if (name.startsWith("grpc-") || name.startsWith("connect-")) throw new Mistake(`“${name}” is the protocol's own`);
    try {
      headers.append(name, line.slice(colon + 1).trim());
    } catch {
      throw new Mistake(`“${name}” has a value that a header cannot carry`);
    }
  }
  return headers;
}

/** A deadline in milliseconds; none if nothing stands there. */
export function deadline(text: string): number | undefined {
  if (text.trim() === "") return undefined;
  const ms = Number(text);
  if (!(ms > 0)) throw new Mistake("A deadline is a number of milliseconds above 0, or nothing");
  return ms;
}
