import { fromJson, toBinary } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";

import { describe } from "../src/reflection/registry.js";
import { reflectionMethod } from "../src/reflection/schema.js";
import type { Answer, Question } from "../src/reflection/schema.js";

/** A server with these files, which remembers what it was asked. */
function server(files: JsonObject[], options: { services: string[]; alongside?: boolean }) {
  const asked: Question[] = [];
  const encode = (file: JsonObject) =>
    base64Encode(toBinary(FileDescriptorProtoSchema, fromJson(FileDescriptorProtoSchema, file)));
  const answer = (file: JsonObject | undefined): Answer => {
    if (!file) return { errorResponse: { errorCode: 5, errorMessage: "no such thing" } };
    const sent = options.alongside ? [file, ...files.filter((other) => other !== file)] : [file];
    return { fileDescriptorResponse: { fileDescriptorProto: sent.map(encode) } };
  };
  const ask = async (question: Question): Promise<Answer> => {
    asked.push(question);
    if ("listServices" in question) {
      return { listServicesResponse: { service: options.services.map((name) => ({ name })) } };
    }
    if ("fileByFilename" in question) return answer(files.find(({ name }) => name === question.fileByFilename));
    return answer(files.find((file) => {
      const services = (file["service"] ?? []) as { name: string }[];
      return services.some(({ name }) => `${file["package"]}.${name}` === question.fileContainingSymbol);
    }));
  };
  return { ask, asked };
}

const TYPES = {
  name: "shop/types.proto", package: "shop", syntax: "proto3", dependency: ["google/protobuf/timestamp.proto"],
  messageType: [{
    name: "Order",
    field: [{
      name: "at", number: 1, label: "LABEL_OPTIONAL", type: "TYPE_MESSAGE", typeName: ".google.protobuf.Timestamp",
    }],
  }],
};
const method = (name: string) => ({ name, inputType: ".shop.Order", outputType: ".shop.Order" });
const ORDERS = {
  name: "shop/orders.proto", package: "shop", syntax: "proto3",
  dependency: ["shop/types.proto", "vendor/options.proto"],
  service: [{ name: "Orders", method: [method("Place")] }],
};
const RETURNS = {
  name: "shop/returns.proto", package: "shop", syntax: "proto3", dependency: ["shop/types.proto"],
  service: [{ name: "Returns", method: [method("Send")] }],
};

test("services are put together with what they import", async () => {
  const { ask, asked } = server([ORDERS, TYPES, RETURNS], {
    services: ["shop.Returns", "shop.Orders", "grpc.reflection.v1.ServerReflection"],
  });
  const { services, undescribed, registry } = await describe(ask);
  expect(services.map(({ typeName }) => typeName)).toEqual(["shop.Orders", "shop.Returns"]);
  expect(services[0]!.method["place"]!.input.fields.map(({ jsonName }) => jsonName)).toEqual(["at"]);
  expect(registry.getMessage("google.protobuf.Timestamp")).toBeDefined();
  expect(undescribed.size).toBe(0);
  // The well-known types are known, and nothing is asked for twice.
  expect(asked.map((question) => Object.values(question)[0])).toEqual([
    "*", "shop.Orders", "shop/types.proto", "vendor/options.proto", "shop.Returns",
  ]);
});

test("a server may send imports along", async () => {
  const { ask, asked } = server([ORDERS, TYPES], { services: ["shop.Orders"], alongside: true });
  const { services } = await describe(ask);
  expect(services).toHaveLength(1);
  expect(asked.map((question) => Object.values(question)[0])).toEqual(["*", "shop.Orders", "vendor/options.proto"]);
});

test("a service that cannot be described does not cost the others", async () => {
  const { ask } = server([RETURNS, TYPES], { services: ["shop.Orders", "shop.Returns"] });
  const { services, undescribed } = await describe(ask);
  expect(services.map(({ typeName }) => typeName)).toEqual(["shop.Returns"]);
  expect([...undescribed]).toEqual([["shop.Orders", "no such thing"]]);
});

test("a service whose types are missing is one that cannot be described", async () => {
  const { ask } = server([ORDERS], { services: ["shop.Orders"] });
  const { services, undescribed } = await describe(ask);
  expect(services).toEqual([]);
  expect(undescribed.has("shop.Orders")).toBe(true);
});

test.each(["v1", "v1alpha"] as const)("reflection %s is the method that servers have", (version) => {
  const method = reflectionMethod(version);
  expect(`/${method.parent.typeName}/${method.name}`).toBe(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`);
  expect(method.methodKind).toBe("bidi_streaming");
});
