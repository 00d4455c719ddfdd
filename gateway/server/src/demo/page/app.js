// The page: buttons on one side, the calls of grpc.js on the other. What came of each call stands in the text, and for
// tests in data-* attributes of the body (data-webtransport="open", data-chat-echoed="5", …).

import { Code, Demo, GrpcError, GrpcWebChannel, Vault, openWebTransport } from "./grpc.js";

const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const results = document.body.dataset;
const grpcWeb = new GrpcWebChannel();
let settings;
let webTransport; // The channel while a session is open.

// What the page shows -------------------------------------------------------------------------------------------------

/** Shows text and whether it is good news (true), bad news (false) or neither. */
function show(id, text, good) {
  const element = find(id);
  element.textContent = text;
  element.classList.toggle("good", good === true);
  element.classList.toggle("bad", good === false);
}

function codeOf(error) {
  return error instanceof GrpcError ? error.codeName : "UNKNOWN";
}

/** What a call ended with, in words: nothing went wrong if there is no error. */
function outcome(error) {
  if (!error) return "OK";
  return error.message && error.message !== codeOf(error) ? `${codeOf(error)}: ${error.message}` : codeOf(error);
}

const replies = new Map();

/** Counts a reply in the picture and lights the way it took. */
function cameThrough(protocol, backend) {
  replies.set(backend, (replies.get(backend) ?? 0) + 1);
  results.backends = [...replies.keys()].sort().join(" ");
  const count = find(`replies-${backend}`);
  if (count) count.textContent = replies.get(backend).toLocaleString("en");
  for (const name of [protocol, backend]) {
    const pipe = document.getElementById(`pipe-${name}`);
    if (!pipe || pipe.classList.contains("flowing")) continue;
    pipe.classList.add("flowing");
    setTimeout(() => pipe.classList.remove("flowing"), 250);
  }
}

/** Runs `work` with a button disabled, so that it cannot be pressed twice. */
async function whileDisabled(button, work) {
  const focused = document.activeElement === button;
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
    // A disabled button loses the focus; who works with the keyboard gets it back, unless it has moved on.
    if (focused && document.activeElement === document.body) button.focus();
  }
}

/** The open WebTransport channel, or the status of calls that cannot be made. */
function session() {
  if (!webTransport) throw new GrpcError(Code.UNAVAILABLE, "no WebTransport session is open");
  return webTransport;
}

/** Both ways to call, so that one action can show them side by side. */
const protocols = [
  { name: "webtransport", result: (key) => `${key}Webtransport`, channel: session },
  { name: "grpc-web", result: (key) => `${key}GrpcWeb`, channel: () => grpcWeb },
];

// Connections ---------------------------------------------------------------------------------------------------------

async function connectWebTransport() {
  const state = (name, text, good) => {
    results.webtransport = name;
    show("webtransport-state", text, good);
  };
  webTransport?.close();
  webTransport = undefined;
  if (!settings.webtransport_url) return state("off", "switched off in the gateway");
  if (!("WebTransport" in globalThis)) {
    const why = isSecureContext ? "this browser has none" : "needs a secure page: https or 127.0.0.1";
    return state("unsupported", `failed: ${why}`, false);
  }
  state("connecting", "connecting");
  const begun = performance.now();
  try {
    const hash = settings.certificate_hash;
    const bytes = hash ? Uint8Array.from(atob(hash), (character) => character.charCodeAt(0)) : undefined;
    const channel = await openWebTransport(settings.webtransport_url, bytes);
    webTransport = channel;
    state("open", `open after ${Math.round(performance.now() - begun)} ms`, true);
    const ended = (why) => {
      if (webTransport !== channel) return; // Another session has taken its place.
      webTransport = undefined;
      state("closed", `closed${why ? `: ${why}` : ""}`, false);
    };
    channel.closed.then(({ reason }) => ended(reason), (error) => ended(error.message));
  } catch (error) {
    state("failed", `failed: ${error.message}`, false);
  }
}

/** Any gRPC status, a refusal included, can only come from a gateway that understood the call. */
async function probeGrpcWeb() {
  const method = { path: "/grpc.health.v1.Health/Check", request: {}, reply: {} };
  const begun = performance.now();
  results.grpcWeb = "connecting";
  show("grpc-web-state", "connecting");
  let error;
  try {
    await grpcWeb.unary(method, {}, { timeoutMs: 10_000 });
  } catch (caught) {
    error = caught;
  }
  const answered = !error || error.trailers?.has("grpc-status");
  results.grpcWeb = answered ? "open" : "failed";
  const text = answered ? `answers in ${Math.round(performance.now() - begun)} ms` : `failed: ${outcome(error)}`;
  show("grpc-web-state", text, Boolean(answered));
}

const connect = () => whileDisabled(find("reconnect"), () => Promise.all([connectWebTransport(), probeGrpcWeb()]));

// Chat: one call, both directions at once -----------------------------------------------------------------------------

let chat; // While a call is open or opening, the promise of { call, sentAt }: when lines without an echo were sent.

function logLine(text, className, about = "") {
  const log = find("chat-log");
  const line = document.createElement("li");
  const [what, remark] = [document.createElement("span"), document.createElement("span")];
  [line.className, what.textContent, remark.className, remark.textContent] = [className, text, "about", about];
  line.append(what, remark);
  log.append(line);
  while (log.children.length > 200) log.firstChild.remove();
  log.scrollTop = log.scrollHeight;
}

async function openChat() {
  const opened = { call: await session().start(Demo.Chat), sentAt: [] };
  results.chat = "open";
  show("chat-state", "open", true);
  find("chat-finish").disabled = find("chat-cancel").disabled = false;
  readEchoes(opened);
  return opened;
}

async function readEchoes(opened) {
  let error;
  try {
    for await (const { text, sequence, backend } of opened.call) {
      const took = performance.now() - opened.sentAt.shift();
      cameThrough("webtransport", backend);
      logLine(`← ${text}`, "echo", `${backend} #${sequence} · ${took.toFixed(1)} ms`);
      results.chatEchoed = String(Number(results.chatEchoed ?? 0) + 1);
    }
  } catch (caught) {
    error = caught;
  }
  chat = undefined;
  results.chat = error ? codeOf(error) : "OK";
  show("chat-state", `ended with ${outcome(error)}`, !error);
  find("chat-finish").disabled = find("chat-cancel").disabled = true;
}

async function sendLine(text) {
  try {
    chat ??= openChat();
    const { call, sentAt } = await chat;
    logLine(`→ ${text}`, "sent");
    sentAt.push(performance.now());
    await call.send({ text });
  } catch (error) {
    chat = undefined;
    results.chat = codeOf(error);
    show("chat-state", outcome(error), false);
  }
}

// Counter: the same server stream over both protocols -----------------------------------------------------------------

const COUNT = { upTo: 50, intervalMs: 100 };
let counting = new AbortController();

async function countOver({ name, result, channel }) {
  const state = (text, good) => {
    results[result("countStatus")] = text.split(":")[0];
    show(`count-${name}-state`, text, good);
  };
  state("running");
  try {
    for await (const { number, backend } of channel().stream(Demo.Count, [COUNT], { signal: counting.signal })) {
      cameThrough(name, backend);
      find(`count-${name}`).textContent = find(`count-${name}-bar`).value = number;
      results[result("count")] = String(number);
      show(`count-${name}-state`, `from ${backend}`);
    }
    state("OK", true);
  } catch (error) {
    state(outcome(error), false);
  }
}

async function count() {
  counting = new AbortController();
  find("count-cancel").disabled = false;
  await Promise.all(protocols.map(countOver));
  find("count-cancel").disabled = true;
}

// Unary calls -----------------------------------------------------------------------------------------------------------

/** One unary call over each protocol; `describe` turns a reply into words. */
function callBoth(key, method, request, options, describe) {
  return Promise.all(
    protocols.map(async ({ name, result, channel }) => {
      const id = `${key}-${name}`;
      show(id, "…");
      delete results[result(key)];
      const begun = performance.now();
      try {
        const reply = await channel().unary(method, request, { timeoutMs: 10_000, ...options });
        const took = (performance.now() - begun).toFixed(1);
        cameThrough(name, reply.backend);
        show(id, `${describe(reply)} (${reply.backend}, ${took} ms)`, true);
        results[result(key)] = "OK";
      } catch (error) {
        show(id, outcome(error), false);
        results[result(key)] = codeOf(error);
      }
    }),
  );
}

const sayHello = () => callBoth("say", Demo.Say, { name: find("say-name").value }, {}, (reply) => reply.text);

const openVault = (metadata) => callBoth("vault", Vault.Open, {}, { metadata }, (reply) => `OK: ${reply.secret}`);

// Client stream -------------------------------------------------------------------------------------------------------

async function addUp() {
  delete results.sum;
  try {
    const numbers = find("sum-numbers").value.match(/[^\s,;]+/g) ?? [];
    const requests = numbers.map((text) => ({ number: BigInt(text) }));
    const { sum, count, backend } = await session().clientStream(Demo.Sum, requests);
    cameThrough("webtransport", backend);
    show("sum-result", `${count} numbers make ${sum} (${backend})`, true);
    results.sum = String(sum);
  } catch (error) {
    const wrong = error instanceof SyntaxError;
    show("sum-result", wrong ? "Only whole numbers, please." : outcome(error), false);
    results.sum = wrong ? "INVALID_ARGUMENT" : codeOf(error);
  }
}

// Burst: as fast as both directions go --------------------------------------------------------------------------------

const BURST = 1000;
let bursting = new AbortController();

function* burstLines(text) {
  for (let number = 1; number <= BURST; number++) yield { text: `${number} ${text}` };
}

async function burst() {
  bursting = new AbortController();
  find("burst-cancel").disabled = false;
  results.burst = "running";
  let echoed = 0;
  const begun = performance.now();
  try {
    const lines = burstLines("of a thousand drops through the sluice");
    for await (const { text, backend } of session().stream(Demo.Chat, lines, { signal: bursting.signal })) {
      echoed += 1;
      if (!text.startsWith(`${echoed} `)) throw new GrpcError(Code.DATA_LOSS, `echo ${echoed} says ${text}`);
      cameThrough("webtransport", backend);
      find("burst-bar").value = echoed;
      results.burstEchoed = String(echoed);
    }
    if (echoed !== BURST) throw new GrpcError(Code.DATA_LOSS, `only ${echoed} echoes came`);
    const seconds = (performance.now() - begun) / 1000;
    const rate = Math.round((2 * BURST) / seconds);
    const text = `${rate.toLocaleString("en")} messages/s: 1,000 each way in ${Math.round(seconds * 1000)} ms`;
    show("burst-result", text, true);
    results.burst = "OK";
  } catch (error) {
    show("burst-result", `${outcome(error)} after ${echoed} echoes`, false);
    results.burst = codeOf(error);
  }
  find("burst-cancel").disabled = true;
}

// Wiring --------------------------------------------------------------------------------------------------------------

function onClick(id, work) {
  find(id).addEventListener("click", (event) => whileDisabled(event.currentTarget, work));
}

function onSubmit(id, work) {
  find(id).addEventListener("submit", (event) => {
    event.preventDefault();
    work();
  });
}

function wire() {
  find("reconnect").addEventListener("click", connect);
  onSubmit("chat-form", () => {
    const input = find("chat-text");
    if (!input.value) return;
    sendLine(input.value);
    input.value = "";
    input.focus();
  });
  find("chat-finish").addEventListener("click", async () => (await chat)?.call.halfClose());
  find("chat-cancel").addEventListener("click", async () => (await chat)?.call.cancel());
  onClick("count-start", count);
  find("count-cancel").addEventListener("click", () => counting.abort());
  onSubmit("say-form", sayHello);
  onSubmit("sum-form", addUp);
  onClick("burst", burst);
  find("burst-cancel").addEventListener("click", () => bursting.abort());
  onClick("vault-without", () => openVault([]));
  onClick("vault-with", () => openVault([["x-api-key", settings.api_key ?? ""]]));
}

async function begin() {
  try {
    const response = await fetch("/demo/config.json", { cache: "no-store" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    settings = await response.json();
  } catch (error) {
    results.settings = "failed";
    show("connection-note", `The gateway's settings cannot be read: ${error.message}`, false);
    return;
  }
  for (const part of document.querySelectorAll("[data-demo]")) part.hidden = !settings.demo;
  if (!settings.demo) show("connection-note", "This gateway serves your own services; the demo's are not behind it.");
  if (settings.api_key === null) find("vault-note").textContent = "This gateway does not guard the vault.";
  find("grpcurl").textContent =
    `curl ${location.protocol === "https:" ? "-k " : ""}${location.origin}/v1/greetings/you\n` +
    `grpcurl ${location.protocol === "https:" ? "-insecure" : "-plaintext"} ` +
    `-d '{"name": "you"}' ${location.host} demo.v1.Demo/Say`;
  wire();
  results.settings = "loaded";
  await connect();
}

begin();
