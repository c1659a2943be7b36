// What a frame says, in a few words: of A2A 1.0 and 0.3 in any binding, of workers; of others nothing. Pure.

import { URI as DELTAS } from "./deltas.js";

const MOST = 160;

/** `{kind, text}`; null where the frame is nothing that is known here. */
export function summary(frame) {
  const value = body(frame.text);
  if (value === undefined) return null;
  if (typeof value === "string") return said("text", quoted(value));
  if (!isObject(value)) return null;
  const inner = isObject(value.result) ? value.result : isObject(value.params) ? value.params : value;
  const method = typeof value.method === "string" ? value.method : "";
  if (isObject(value.error)) return said("error", reasonOf(value.error));
  if (inner.kind in KINDS) return said(method || inner.kind.replace("-update", ""), KINDS[inner.kind](inner));
  for (const [name, read, kind] of READERS) if (isObject(inner[name])) return said(method || kind || name, read(inner[name]));
  if (Array.isArray(inner.parts)) return said("message", partsOf(inner));
  if (Array.isArray(value.details) && typeof value.code === "number") return said("error", reasonOf(value));
  if (typeof inner.id === "string" && isObject(inner.status)) return said("task", stateOf(inner));
  return method ? said(method, "") : null;
}

const READERS = [
  ["task", (task) => stateOf(task)],
  ["msg", (message) => partsOf(message), "message"],
  ["message", (message) => partsOf(message)],
  ["request", (message) => partsOf(message)],
  ["statusUpdate", (update) => patchOf(update) ?? stateOf(update), "status"],
  ["artifactUpdate", (update) => artifactOf(update), "artifact"],
  ["artifact", (artifact) => partsOf(artifact)],
  ["chunk", (chunk) => partsOf(chunk)],
  ["part", (part) => partsOf({ parts: [part] })],
  ["status", (status) => stateOf({ status })],
  ["ask", (ask) => (typeof ask.message === "string" ? quoted(ask.message) : partsOf(ask.message))],
];

const KINDS = {
  __proto__: null,
  task: stateOf,
  message: partsOf,
  "status-update": (update) => patchOf(update) ?? stateOf(update),
  "artifact-update": artifactOf,
};

function body(text) {
  if (typeof text !== "string") return undefined;
  const start = text.startsWith("{") || text.startsWith('"') ? 0 : text.search(/(?<=^data: ?|\n)[{"]|(?<=data: )[{"]/);
  if (start < 0) return undefined;
  try {
    return JSON.parse(text.slice(start));
  } catch {
    return undefined;
  }
}

function said(kind, text) {
  return { kind, text: text.length > MOST ? `${text.slice(0, MOST)}…` : text };
}

function stateOf({ status }) {
  if (!isObject(status)) return "";
  const state = String(status.state ?? "").replace("TASK_STATE_", "").toLowerCase().replaceAll("_", " ");
  const message = typeof status.message === "string" ? quoted(status.message) : partsOf(status.message ?? status.update);
  return [state, message].filter(Boolean).join(" ");
}

function artifactOf(update) {
  return [partsOf(update.artifact), update.lastChunk ? "last" : ""].filter(Boolean).join(" ");
}

function partsOf(holder) {
  const parts = holder?.parts ?? holder?.content;
  if (!Array.isArray(parts)) return "";
  const words = parts.slice(0, 4).map((part) => {
    if (typeof part?.text === "string") return quoted(part.text);
    return part?.filename || part?.mediaType || (isObject(part) ? Object.keys(part)[0] : "");
  });
  return words.filter(Boolean).join(" ");
}

function patchOf(update) {
  const ops = update.metadata?.[DELTAS]?.message_update;
  if (!Array.isArray(ops)) return null;
  const words = ops.slice(0, 3).map((op) => {
    const value = typeof op?.value === "string" ? quoted(op.value) : partsOf(op?.value);
    return [op?.op, op?.op === "str_ins" ? "" : op?.path, value].filter(Boolean).join(" ");
  });
  return [...words, ops.length > 3 ? `and ${ops.length - 3} more` : ""].filter(Boolean).join(", ");
}

function reasonOf(error) {
  const details = [error.data, error.details].find(Array.isArray) ?? [];
  const reason = details.find((one) => typeof one?.reason === "string")?.reason;
  return [reason, error.message].filter(Boolean).join(": ");
}

function quoted(text) {
  return JSON.stringify(text);
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
