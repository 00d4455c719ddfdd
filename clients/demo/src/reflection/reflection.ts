/** Asks the server behind the gateway what it has, over a transport like any other call. */

import { fromJson, toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";

import { Outbox } from "../call/outbox.js";
import { describe } from "./registry.js";
import type { Described } from "./registry.js";
import { reflectionMethod } from "./schema.js";
import type { Answer, Question, Version } from "./schema.js";

/** What reflection told, and which version of it. */
export interface Reflected extends Described {
  version: Version;
}

/**
 * Describes the services behind a transport.
 *
 * @throws ConnectError with `Unimplemented` if the server has neither version of reflection; otherwise whatever the call
 *   ended with.
 */
export async function reflect(transport: Transport): Promise<Reflected> {
  try {
    return await reflectBy("v1", transport);
  } catch (error) {
    if (ConnectError.from(error).code !== Code.Unimplemented) throw error;
    return reflectBy("v1alpha", transport);
  }
}

/** All questions in one call, one after the other. */
async function reflectBy(version: Version, transport: Transport): Promise<Reflected> {
  const method = reflectionMethod(version);
  const questions = new Outbox<Question>();
  const requests = (async function* () {
    for await (const question of questions) yield fromJson(method.input, question);
  })();
  const call = transport.stream(method, undefined, 20_000, undefined, requests);
  // It is waited for below; until then, that it failed is no news.
  call.catch(() => {});
  // The call begins with a question: there are servers and fetch-like carriers that answer nothing before.
  let answers: AsyncIterator<Parameters<typeof toJson>[1]> | undefined;
  const ask = async (question: Question): Promise<Answer> => {
    questions.push(question);
    answers ??= (await call).message[Symbol.asyncIterator]();
    const { done, value } = await answers.next();
    if (done) throw new ConnectError("reflection ended before it had answered", Code.Internal);
    return toJson(method.output, value) as JsonValue as Answer;
  };
  try {
    return { version, ...(await describe(ask)) };
  } finally {
    questions.end();
    // The server ends the call when the questions have ended. Whatever it says now, all was answered.
    await answers?.next().catch(() => {});
  }
}
