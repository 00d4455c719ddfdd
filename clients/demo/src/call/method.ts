/** What a method is, in words, and what its messages look like before they are filled in. */

import { ScalarType } from "@bufbuild/protobuf";
import type { DescEnum, DescField, DescMessage, DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";

/** The kinds of calls, as gRPC names them. */
export const KINDS: Record<DescMethod["methodKind"], string> = {
  unary: "unary",
  server_streaming: "server streaming",
  client_streaming: "client streaming",
  bidi_streaming: "both stream",
};

/** Whether the client sends any number of messages, which `fetch` cannot carry. */
export const streamsFromClient = ({ methodKind }: DescMethod): boolean =>
  methodKind === "client_streaming" || methodKind === "bidi_streaming";

/** How deep messages are filled in; deeper ones are left out. */
const DEPTH = 4;

/** A message in JSON with every field in it, for people to change. Of a oneof, the first member stands for all. */
export function template(message: DescMessage, within: readonly DescMessage[] = []): JsonValue {
  const known = wellKnown(message);
  if (known !== undefined) return known;
  const filled: JsonObject = {};
  const parents = [...within, message];
  for (const member of message.members) {
    const field = member.kind === "oneof" ? member.fields[0] : member;
    if (!field) continue;
    const value = fieldTemplate(field, parents);
    if (value !== undefined) filled[field.jsonName] = value;
  }
  return filled;
}

function fieldTemplate(field: DescField, parents: readonly DescMessage[]): JsonValue | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return scalarTemplate(field.scalar);
    case "enum":
      return enumTemplate(field.enum);
    case "message":
      return nested(field.message, parents);
    case "map":
      return {};
    case "list": {
      if (field.listKind !== "message") return [];
      const one = nested(field.message, parents);
      return one === undefined ? [] : [one];
    }
  }
}

/** `undefined` where a message would contain itself, or is too deep. */
function nested(message: DescMessage, parents: readonly DescMessage[]): JsonValue | undefined {
  if (parents.length >= DEPTH || parents.some(({ typeName }) => typeName === message.typeName)) return undefined;
  return template(message, parents);
}

const enumTemplate = ({ typeName, values }: DescEnum): JsonValue =>
  typeName === "google.protobuf.NullValue" ? null : values[0]?.name ?? 0;

function scalarTemplate(scalar: ScalarType): JsonValue {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return "";
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "0";
    default:
      return 0;
  }
}

/** Types that are not objects in JSON, or free ones (https://protobuf.dev/programming-guides/json). */
function wellKnown({ typeName, fields }: DescMessage): JsonValue | undefined {
  switch (typeName) {
    case "google.protobuf.Timestamp":
      return "2026-01-01T00:00:00Z";
    case "google.protobuf.Duration":
      return "0s";
    case "google.protobuf.FieldMask":
      return "";
    case "google.protobuf.Any":
    case "google.protobuf.Struct":
      return {};
    case "google.protobuf.Value":
      return null;
    case "google.protobuf.ListValue":
      return [];
  }
  const value = fields[0];
  const wraps = /^google\.protobuf\.\w+Value$/.test(typeName) && value?.fieldKind === "scalar";
  return wraps ? scalarTemplate(value.scalar) : undefined;
}
