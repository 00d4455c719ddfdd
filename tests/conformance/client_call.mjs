// One call as the conformance suite asks for it.

import { ConnectError, createClient } from "@connectrpc/connect";

/** Makes the call of a ClientCompatRequest, and answers with a ClientResponseResult. */
export async function makeCall(transport, request, messages) {
  const service = messages.registry.getService(request.service);
  const { localName, methodKind } = service.methods.find(({ name }) => name === request.method);
  const client = createClient(service, transport);
  const result = messages.create("ClientResponseResult");

  const canceled = new AbortController();
  const cancel = cancelTiming(request);
  const cancelAfterLastMessage = () => {
    if (cancel.case === "afterCloseSendMs") setTimeout(() => canceled.abort(), cancel.value);
  };
  const turns = new Turns();
  const takesTurns = messages.enumName("StreamType", request.streamType) === "full_duplex_bidi_stream";

  async function* stream() {
    for (const any of request.requestMessages) {
      await pause(request.requestDelayMs);
      yield messages.unpack(any);
      if (takesTurns) await turns.next();
    }
    if (cancel.case === "beforeCloseSend") canceled.abort();
    cancelAfterLastMessage();
  }

  async function single() {
    await pause(request.requestDelayMs);
    cancelAfterLastMessage();
    return messages.unpack(request.requestMessages[0]);
  }

  const options = {
    headers: request.requestHeaders.flatMap(({ name, value }) => value.map((one) => [name, one])),
    timeoutMs: request.timeoutMs,
    signal: canceled.signal,
    onHeader: (header) => (result.responseHeaders = messages.headers(header)),
    onTrailer: (trailer) => (result.responseTrailers = messages.headers(trailer)),
  };
  const streamsRequests = ["client_streaming", "bidi_streaming"].includes(methodKind);
  const streamsResponses = ["server_streaming", "bidi_streaming"].includes(methodKind);
  const input = streamsRequests ? stream() : await single();
  try {
    const output = client[localName](input, options);
    for await (const { payload } of streamsResponses ? output : [await output]) {
      result.payloads.push(payload ?? messages.create("ConformancePayload"));
      if (cancel.case === "afterNumResponses" && cancel.value === result.payloads.length) canceled.abort();
      turns.pass();
    }
  } catch (failure) {
    const error = ConnectError.from(failure);
    result.error = messages.error(error);
    // Its metadata are those of the head and of the end in one.
    if (result.responseHeaders.length === 0) result.responseHeaders = messages.headers(error.metadata);
    result.responseTrailers = messages.headers(error.metadata);
  } finally {
    turns.end();
  }
  return result;
}

/** On a full duplex stream, one message follows the answer to the one before it, or the end of the answers. */
class Turns {
  #answers = 0;
  #isOver = false;
  #wake = () => {};

  /** Waits until it is one's turn. */
  async next() {
    while (this.#answers === 0 && !this.#isOver) await new Promise((resolve) => (this.#wake = resolve));
    this.#answers -= 1;
  }

  pass() {
    this.#answers += 1;
    this.#wake();
  }

  end() {
    this.#isOver = true;
    this.#wake();
  }
}

/** When to cancel: if the suite does not say more than that, at once after the last message. */
function cancelTiming({ cancel }) {
  if (cancel === undefined) return { case: "never" };
  return cancel.cancelTiming.case === undefined ? { case: "afterCloseSendMs", value: 0 } : cancel.cancelTiming;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
