/** Puts together what a server tells of itself, file by file. */

import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import type { DescService, FileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { base64Decode } from "@bufbuild/protobuf/wire";

import { BUNDLED } from "./bundled.js";
import { withJsonNames } from "./json_names.js";
import type { Answer, Question } from "./schema.js";

/** One question and its answer. */
export type Ask = (question: Question) => Promise<Answer>;

/** What a server has, as far as it told. */
export interface Described {
  services: DescService[];
  /** All types, for messages in an `Any`. */
  registry: FileRegistry;
  /** Services that the server lists and could not describe, with the reason. */
  undescribed: Map<string, string>;
}

/** Asks for every service, and for the files that these need. */
export async function describe(ask: Ask): Promise<Described> {
  const listed = await ask({ listServices: "*" });
  if (listed.errorResponse) throw new Error(reason(listed));
  const names = (listed.listServicesResponse?.service ?? []).map(({ name }) => name).sort();
  const files = new Files(ask);
  const services: DescService[] = [];
  const undescribed = new Map<string, string>();
  let registry = createFileRegistry();
  for (const name of names.filter((name) => !name.startsWith("grpc.reflection."))) {
    try {
      const found = await files.containing(name);
      registry = createFileRegistry(registry, found);
      const service = found.getService(name);
      if (service) services.push(service);
      else undescribed.set(name, "the server sent other files");
    } catch (error) {
      undescribed.set(name, error instanceof Error ? error.message : String(error));
    }
  }
  return { services, registry, undescribed };
}

function reason({ errorResponse }: Answer): string {
  return errorResponse?.errorMessage || `error ${errorResponse?.errorCode ?? "without a code"}`;
}

/** The files that were told so far, by name; `null` for those that the server does not have. */
class Files {
  readonly #known = new Map<string, FileDescriptorProto | null>();
  /** Those whose imports are known too. */
  readonly #imported = new Set<string>();

  constructor(readonly ask: Ask) {}

  /** The file that has a service, with all that it imports. */
  async containing(symbol: string): Promise<FileRegistry> {
    const answer = await this.ask({ fileContainingSymbol: symbol });
    if (answer.errorResponse) throw new Error(reason(answer));
    // The first is the one asked for; others are imports, which some servers send along.
    const [file] = this.#learn(answer);
    if (!file) throw new Error("the server sent no file");
    await this.#import(file);
    return createFileRegistry(file, (name) => this.#known.get(name) ?? undefined);
  }

  #learn(answer: Answer): FileDescriptorProto[] {
    const files = (answer.fileDescriptorResponse?.fileDescriptorProto ?? [])
      .map((text) => fromBinary(FileDescriptorProtoSchema, base64Decode(text)));
    for (const file of files) this.#known.set(file.name, withJsonNames(file));
    return files;
  }

  async #import(file: FileDescriptorProto): Promise<void> {
    if (this.#imported.has(file.name)) return;
    this.#imported.add(file.name);
    for (const name of file.dependency) {
      if (!this.#known.has(name)) await this.#fetch(name);
      const imported = this.#known.get(name);
      if (imported) await this.#import(imported);
    }
    // Often only options come from a file that the server does not have; types that do are missed soon enough.
    file.dependency = file.dependency.filter((name) => this.#known.get(name));
  }

  async #fetch(name: string): Promise<void> {
    this.#known.set(name, BUNDLED.get(name) ?? null);
    if (!BUNDLED.has(name)) this.#learn(await this.ask({ fileByFilename: name }));
  }
}
