import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { endOf, statusName } from "../src/call/status.js";

test("codes have gRPC's names", () => {
  expect([Code.Canceled, Code.DeadlineExceeded, Code.Internal, Code.Unauthenticated].map(statusName)).toEqual([
    "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "UNAUTHENTICATED",
  ]);
});

test("an error keeps its message and its trailers", () => {
  const end = endOf(new ConnectError("no key", Code.Unauthenticated, { "x-why": "because" }));
  expect([end.status, end.message, end.trailers.get("x-why")]).toEqual(["UNAUTHENTICATED", "no key", "because"]);
  expect(endOf(new Error("odd"))).toMatchObject({ status: "UNKNOWN", message: "odd" });
});
