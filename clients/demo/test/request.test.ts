import { createRegistry, toJson } from "@bufbuild/protobuf";
import { FieldDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";

import { deadline, message, metadata, Mistake } from "../src/call/request.js";

const registry = createRegistry();

test("a message may have its number in it", () => {
  const text = '{"name": "field {n}", "number": "{n}"}';
  expect(toJson(FieldDescriptorProtoSchema, message(text, 7, FieldDescriptorProtoSchema, registry) as never))
    .toEqual({ name: "field 7", number: 7 });
});

test("nothing is an empty message", () => {
  expect(toJson(FieldDescriptorProtoSchema, message(" ", 1, FieldDescriptorProtoSchema, registry) as never)).toEqual({});
});

test.each(["{", "[]", '{"nmae": 1}', '{"number": "x"}'])("%s is a mistake", (text) => {
  expect(() => message(text, 1, FieldDescriptorProtoSchema, registry)).toThrow(Mistake);
});

test("metadata keeps repeated names, in any case", () => {
  expect([...metadata("X-Tag: one\n\n x-tag:two \nauthorization: Bearer a:b")]).toEqual([
    ["authorization", "Bearer a:b"], ["x-tag", "one, two"],
  ]);
});

test.each(["no colon", ": no name", "na me: x", "grpc-timeout: 1S", "connect-timeout-ms: 5", "x: ☺"])(
  "%s is no metadata",
  (text) => expect(() => metadata(text)).toThrow(Mistake),
);

test("a deadline is a positive number or nothing", () => {
  expect([deadline(""), deadline(" 250 "), deadline("0.5")]).toEqual([undefined, 250, 0.5]);
  for (const text of ["0", "-1", "soon"]) expect(() => deadline(text)).toThrow(Mistake);
});
