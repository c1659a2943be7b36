// A caller of A2A 1.0 over JSON-RPC or HTTP+JSON, streams as Server-Sent Events. It knows nothing of pages.

import { SseReader, eventsOf } from "./sse.js";

/** The agent, or the gateway, said no. `reason` is A2A's own name of the error. */
export class A2AError extends Error {
  constructor(reason, message, code, details = []) {
    super(message);
    this.reason = reason;
    this.code = code;
    this.details = details;
  }
}

/** The connection broke, or ended in the middle. What was asked may have been done. */
export class Broken extends Error {}

/** What the errors of a gateway that will be back soon are called. */
const PASSING = new Set(["UNAVAILABLE", "RESOURCE_EXHAUSTED"]);

export function isPassing(error) {
  return error instanceof Broken || (error instanceof A2AError && PASSING.has(error.reason));
}

const jsonrpc = {
  name: "JSON-RPC",
  request(base, operation, params) {
    const body = { jsonrpc: "2.0", id: 1, method: operation, params };
    return [base, { method: "POST", body: JSON.stringify(body) }];
  },
  /** The result in a parsed answer. Throws A2AError. */
  result(answer) {
    if (answer?.error === undefined) return answer?.result;
    const { message, code, data } = answer.error;
    throw errorOf(message, code, Array.isArray(data) ? data : []);
  },
};

const id = (params) => encodeURIComponent(params.id);
const ROUTES = {
  SendStreamingMessage: () => ["POST", "message:stream"],
  SubscribeToTask: (params) => ["POST", `tasks/${id(params)}:subscribe`],
  CancelTask: (params) => ["POST", `tasks/${id(params)}:cancel`],
  GetTask: (params) => ["GET", `tasks/${id(params)}`],
};

const rest = {
  name: "HTTP+JSON",
  request(base, operation, params) {
    const [method, path] = ROUTES[operation](params);
    const { id: _, ...body } = params;
    return [base + path, { method, body: method === "GET" ? undefined : JSON.stringify(body) }];
  },
  result(answer) {
    if (answer?.error === undefined) return answer;
    const { message, code, details, status } = answer.error;
    throw errorOf(message, code, Array.isArray(details) ? details : [], status);
  },
};

/** The bindings that a browser can speak, by the name that cards give them. */
export const BINDINGS = { JSONRPC: jsonrpc, "HTTP+JSON": rest };

/** One agent of the gateway. */
export class Agent {
  /** `base` is the agent's address with a slash at its end; `onCall` is told the gateway's name of every call. */
  constructor(base, { binding = "JSONRPC", extensions = [], onCall = () => {} } = {}) {
    this.base = base;
    this.binding = BINDINGS[binding];
    this.extensions = extensions;
    this.onCall = onCall;
  }

  /** Throws A2AError, Broken. */
  async card(signal) {
    const response = await reached(fetch(`${this.base}.well-known/agent-card.json`, { signal }));
    const text = await reached(response.text());
    if (!response.ok) throw new A2AError(`HTTP ${response.status}`, text.trim(), response.status);
    return parsed(text);
  }

  /** The answer of a unary operation. Throws A2AError, Broken. */
  async call(operation, params, signal) {
    const response = await this.#ask(operation, params, { accept: "application/json" }, signal);
    return this.#answer(response);
  }

  /**
   * The events of a streaming operation: `{event, cursor}`, or `{retry}` in milliseconds.
   *
   * Throws A2AError for an error, before or after events; Broken where the connection breaks. Whether the
   * stream ended where it may is for its reader to judge.
   */
  async *stream(operation, params, { cursor = "", signal } = {}) {
    const headers = { accept: "text/event-stream", ...(cursor && { "last-event-id": cursor }) };
    const response = await this.#ask(operation, params, headers, signal);
    if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
      await this.#answer(response);
      throw new A2AError("INVALID_AGENT_RESPONSE", "A stream was answered with something else", response.status);
    }
    const reader = new SseReader();
    const frames = eventsOf(response, reader);
    try {
      for (;;) {
        const { done, value } = await reached(frames.next());
        if (done) break;
        if (value.retry !== undefined) yield value;
        else yield { event: this.binding.result(parsed(value.data)), cursor: value.id };
      }
      if (reader.pending) throw new Broken("The stream was cut in the middle of an event");
    } finally {
      frames.return();
    }
  }

  async #ask(operation, params, headers, signal) {
    const [url, options] = this.binding.request(this.base, operation, params);
    headers["a2a-version"] = "1.0";
    if (this.extensions.length > 0) headers["a2a-extensions"] = this.extensions.join(",");
    if (options.body !== undefined) headers["content-type"] = "application/json";
    const response = await reached(fetch(url, { ...options, headers, signal, cache: "no-store", redirect: "error" }));
    const call = response.headers.get("a2a-gateway-call");
    if (call) this.onCall(call, operation);
    return response;
  }

  async #answer(response) {
    const text = await reached(response.text());
    const json = (response.headers.get("content-type") ?? "").includes("json");
    if (!json) throw new A2AError(`HTTP ${response.status}`, text.trim().slice(0, 500), response.status);
    return this.binding.result(parsed(text));
  }
}

function errorOf(message, code, details, status = "") {
  const info = details.find((one) => String(one?.["@type"]).endsWith("google.rpc.ErrorInfo"));
  const reason = typeof info?.reason === "string" ? info.reason : status || `error ${code}`;
  return new A2AError(reason, typeof message === "string" ? message : "", code, details);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new A2AError("INVALID_AGENT_RESPONSE", "What came is no JSON", 0);
  }
}

/** Whatever a network does wrong is `Broken`; what was called off stays that. */
async function reached(waiting) {
  try {
    return await waiting;
  } catch (error) {
    if (error instanceof A2AError || error?.name === "AbortError") throw error;
    throw new Broken(error instanceof RangeError ? error.message : "The connection to the gateway broke");
  }
}
