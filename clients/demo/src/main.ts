/** The page of `sluicegate demo` and `sluicegate dev`. */

import { createRegistry } from "@bufbuild/protobuf";
import type { Registry } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CarrierState } from "@sluicegate/web";

import { createLanes } from "./call/lanes.js";
import type { Lanes } from "./call/lanes.js";
import { statusName } from "./call/status.js";
import { Network } from "./network.js";
import { reflect } from "./reflection/reflection.js";
import { loadSettings } from "./settings.js";
import type { Settings } from "./settings.js";
import { Backends } from "./view/backends.js";
import { Board } from "./view/board.js";
import { Carriers } from "./view/carriers.js";
import { Column } from "./view/column.js";
import { Composer } from "./view/composer.js";
import { Figures } from "./view/figures.js";
import { find, make } from "./view/page.js";
import { EXAMPLES, offerScenes, scenes } from "./view/scenes.js";

const results = document.body.dataset;

async function begin(): Promise<void> {
  let settings: Settings;
  try {
    settings = await loadSettings();
  } catch (error) {
    results["settings"] = "failed";
    trouble(`The gateway's settings cannot be read: ${(error as Error).message}`);
    return;
  }
  results["settings"] = "loaded";
  describePlace(settings);

  let registry: Registry = createRegistry();
  const network = new Network();
  const states: CarrierState[] = [];
  let state = (now: CarrierState): void => void states.push(now);
  const lanes = createLanes(settings, network, {
    used: (lane, carrier) => {
      carriers.flow(carrier);
      columns.find((column) => column.lane.name === lane)?.used(carrier);
    },
    state: (now) => state(now),
  });
  const backends = new Backends(settings.demo ? ["backend-a", "backend-b"] : []);
  const columns = lanes.all.map(
    (lane) => new Column(lane, () => registry, (reply) => backends.reply(reply), () => board.ended()),
  );
  find("lanes").replaceChildren(...columns.map(({ element }) => element));
  const figures = new Figures(columns);
  const carriers = new Carriers(network, (text) => figures.mark(text), (kind) => lanes.automatic.carrierOf(kind));
  states.forEach((early) => carriers.state(early));
  state = (now) => carriers.state(now);
  carriers.choice();

  const composer = new Composer(EXAMPLES, () => void board.fresh());
  const board: Board = new Board(composer, columns);
  if (settings.demo) offerScenes(scenes(settings.api_key), composer, board);
  await learn(lanes, composer, settings, (known) => (registry = known));
}

/** Asks the server what it has, until it tells. */
async function learn(
  lanes: Lanes,
  composer: Composer,
  settings: Settings,
  learned: (registry: Registry) => void,
): Promise<void> {
  results["reflection"] = "asking";
  const note = find("no-reflection");
  try {
    const { services, registry, undescribed, version } = await reflect(lanes.automatic);
    learned(registry);
    composer.offer(services, registry);
    if (settings.demo) composer.choose("demo.v1.Demo.Say");
    results["reflection"] = version;
    const lacking = [...undescribed].map(([name, reason]) => `${name} (${reason})`).join(", ");
    note.textContent = services.length === 0
      ? "The server behind this gateway serves nothing but reflection."
      : `The server lists services that it does not describe: ${lacking}`;
    note.hidden = services.length > 0 && undescribed.size === 0;
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    results["reflection"] = code === Code.Unimplemented ? "none" : "failed";
    const again = make("button", { type: "button", "data-testid": "reflect-again" }, "Ask again");
    again.addEventListener("click", () => void learn(lanes, composer, settings, learned));
    find("method").replaceChildren(make("option", {}, "no methods are known"));
    const why = `The server could not be asked what it has: ${statusName(code)}, ${rawMessage}`;
    note.replaceChildren(...(code === Code.Unimplemented ? howToReflect() : [make("p", {}, why)]), again);
    note.hidden = false;
  }
}

function howToReflect(): HTMLElement[] {
  const ways = [
    ["Go", "reflection.Register(server)", "google.golang.org/grpc/reflection"],
    ["Java", "ProtoReflectionServiceV1.newInstance()", "grpc-services"],
    ["Python", "reflection.enable_server_reflection(names, server)", "grpcio-reflection"],
    ["Node", "new ReflectionService(definition).addToServer(server)", "@grpc/reflection"],
    ["Rust", "tonic_reflection::server::Builder", "tonic-reflection"],
    ["C#", "app.MapGrpcReflectionService()", "Grpc.AspNetCore.Server.Reflection"],
  ] as const;
  const items = ways.map(([language, code, from]) =>
    make("li", {}, `${language}: `, make("code", {}, code), ` of ${from}`));
  return [
    make("p", {}, "The server behind this gateway does not say which services it has. Add gRPC server reflection to it, " +
      "start it again, and this page knows its methods and messages:"),
    make("ul", {}, ...items),
  ];
}

function describePlace(settings: Settings): void {
  for (const part of document.querySelectorAll<HTMLElement>("[data-demo]")) part.hidden = !settings.demo;
  document.title = settings.demo ? "Sluicegate demo" : "Sluicegate";
  find("place").textContent = settings.demo
    ? `${location.host} · the demo's service, on two servers`
    : `${location.host} · your own server is behind this gateway`;
  const isSecure = location.protocol === "https:";
  find("commands").textContent =
    `curl ${isSecure ? "-k " : ""}${location.origin}/v1/greetings/you\n` +
    `grpcurl ${isSecure ? "-insecure" : "-plaintext"} -d '{"name": "you"}' ${location.host} demo.v1.Demo/Say`;
}

function trouble(text: string): void {
  const notice = find("trouble");
  notice.textContent = text;
  notice.hidden = false;
}

void begin();
