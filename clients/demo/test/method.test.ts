import { createFileRegistry, fromJson } from "@bufbuild/protobuf";
import type { DescMessage } from "@bufbuild/protobuf";
import { DescriptorProtoSchema, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";

import { template } from "../src/call/method.js";
import { BUNDLED } from "../src/reflection/bundled.js";
import { withJsonNames } from "../src/reflection/json_names.js";

const LABEL = { optional: "LABEL_OPTIONAL", repeated: "LABEL_REPEATED" };

/** A message `test.Sample` with these fields: name, type, and perhaps more. */
function message(...fields: Record<string, unknown>[]): DescMessage {
  const file = withJsonNames(fromJson(FileDescriptorProtoSchema, {
    name: "test.proto", package: "test", syntax: "proto3",
    dependency: [...BUNDLED.keys()],
    enumType: [{ name: "Colour", value: [{ name: "GREY", number: 0 }, { name: "RED", number: 1 }] }],
    messageType: [{
      name: "Sample",
      oneofDecl: [{ name: "choice" }],
      field: fields.map((field, index) => ({ number: index + 1, label: LABEL.optional, ...field })) as never,
    }],
  }));
  return createFileRegistry(file, (name) => BUNDLED.get(name)).getMessage("test.Sample")!;
}

test("every kind of field is there, with a value that says what it is", () => {
  const sample = message(
    { name: "text", type: "TYPE_STRING" },
    { name: "big_number", type: "TYPE_INT64" },
    { name: "ratio", type: "TYPE_DOUBLE" },
    { name: "is_on", type: "TYPE_BOOL" },
    { name: "colour", type: "TYPE_ENUM", typeName: ".test.Colour" },
    { name: "tags", type: "TYPE_STRING", label: LABEL.repeated },
    { name: "times", type: "TYPE_MESSAGE", typeName: ".google.protobuf.Timestamp", label: LABEL.repeated },
    { name: "flag", type: "TYPE_MESSAGE", typeName: ".google.protobuf.BoolValue" },
    { name: "first", type: "TYPE_STRING", oneofIndex: 0 },
    { name: "second", type: "TYPE_STRING", oneofIndex: 0 },
  );
  const filled = template(sample);
  expect(filled).toEqual({
    text: "", bigNumber: "0", ratio: 0, isOn: false, colour: "GREY", tags: [], times: ["2026-01-01T00:00:00Z"],
    flag: false, first: "",
  });
  expect(() => fromJson(sample, filled)).not.toThrow();
});

test("a message that contains itself is left out", () => {
  const sample = message(
    { name: "text", type: "TYPE_STRING" },
    { name: "next", type: "TYPE_MESSAGE", typeName: ".test.Sample" },
    { name: "others", type: "TYPE_MESSAGE", typeName: ".test.Sample", label: LABEL.repeated },
  );
  expect(template(sample)).toEqual({ text: "", others: [] });
});

test("templates of the well-known types can be sent", () => {
  for (const typeName of [
    "Timestamp", "Duration", "FieldMask", "Any", "Struct", "Value", "ListValue", "Empty", "StringValue", "BytesValue",
    "UInt64Value",
  ]) {
    const sample = message({ name: "it", type: "TYPE_MESSAGE", typeName: `.google.protobuf.${typeName}` });
    expect(() => fromJson(sample, template(sample)), typeName).not.toThrow();
  }
});

test("a large message ends somewhere", () => {
  expect(() => fromJson(DescriptorProtoSchema, template(DescriptorProtoSchema))).not.toThrow();
});
