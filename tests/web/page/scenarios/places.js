// Where pages run calls: in workers too; and what becomes of them when a page is left.

import { Conversation, expect } from "../stage.js";

const ALL = ["webtransport", "websocket", "fetch"];
const OF_STREAMS = ["webtransport", "websocket"];

/** Plays scenarios in a worker. */
async function inWorker(stage, url, options) {
  const scenarios = ["unary", "server streaming", "client streaming", "bidi", "cancelled after half-close", "gzip"];
  const worker = new Worker(url, options);
  try {
    const failure = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`the worker broke: ${message}`));
      worker.postMessage({ scenarios, carrier: stage.carrier, to: stage.to });
    });
    expect(!failure, failure);
  } finally {
    worker.terminate();
  }
}

/** Begins a call that the runner leaves by going to another page. */
async function left(stage) {
  await new Conversation(stage.client()).say(10);
}

const leftAfterwards = (carrier) => {
  const protocol = { webtransport: "grpc_wt", websocket: "grpc_ws" }[carrier];
  const path = "/grpc.testing.TestService/FullDuplexCall";
  return [
    ["upstream", { prefix: `left ${path} ` }],
    ["call", { wanted: { client_protocol: protocol, path, grpc_status: 1 } }],
  ];
};

export const PLACES = [
  { name: "in a worker", carriers: ALL, play: (stage) => inWorker(stage, "/iife/worker.js") },
  { name: "in a module worker", carriers: ALL, play: (stage) => inWorker(stage, "/esm/worker.js", { type: "module" }) },
  { name: "leaving the page", carriers: OF_STREAMS, play: left, afterwards: leftAfterwards },
];
