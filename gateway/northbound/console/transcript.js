// A conversation as blocks that only grow: what was said, artifacts, states, gaps, errors. No DOM.
//
// A block is told of once when it is new, then of what changes in it, so that a view need not look for
// differences. Blocks: {kind: "said" | "artifact" | "state" | "note", …}.

import { Client, URI as DELTAS } from "./deltas.js";

export const RESUME = "urn:a2a-gateway:extension:resume:v1";
export const EXTENSIONS = [DELTAS, RESUME];

const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELED", "REJECTED"].map((name) => `TASK_STATE_${name}`));

export const isTerminal = (state) => TERMINAL.has(state);
/** Whether a stream may end while its task is in this state. */
export const isSettled = (state) => isTerminal(state) || isWaiting(state);
export const isWaiting = (state) => state === "TASK_STATE_INPUT_REQUIRED" || state === "TASK_STATE_AUTH_REQUIRED";

const GAPS = {
  expired: "Events after this point are no longer kept; what follows is the task as it stands now.",
  unknown: "The gateway does not know where this page left off; what follows is the task as it stands now.",
};

export class Transcript {
  blocks = [];
  task = { id: "", contextId: "", state: "" };
  #view;
  #client = new Client();
  #said = new Map(); // message ids to blocks
  #artifacts = new Map(); // artifact ids to blocks

  /** `view` has added(block), grew(block, index, text), part(block, index), replaced(block), status(block). */
  constructor(view) {
    this.#view = view;
  }

  /** The user's message, as it is sent. */
  say(message) {
    if (isTerminal(this.task.state)) this.#begin();
    this.#add({ kind: "said", role: "user", parts: message.parts, done: true }, this.#said, message.messageId);
  }

  /** One event of a stream. */
  take(event) {
    const gap = event.task?.metadata?.[RESUME]?.gap;
    if (gap !== undefined) this.note("gap", GAPS[gap] ?? GAPS.unknown);
    if (event.task) this.#know(event.task);
    for (const change of this.#client.feed(event)) this.#apply(change, event);
    if (event.message) this.task = { ...this.task, contextId: event.message.contextId ?? this.task.contextId };
  }

  /** Something of the page's own: `tone` is gap, error or info. */
  note(tone, text, title = "") {
    this.#add({ kind: "note", tone, text, title });
  }

  #begin() {
    this.task = { id: "", contextId: this.task.contextId, state: "" };
    this.#client = new Client();
    this.#artifacts.clear();
  }

  /** What a snapshot says that was not seen before: messages of the history, the artifacts by the client. */
  #know(task) {
    this.task = { id: task.id, contextId: task.contextId ?? "", state: this.task.state };
    for (const message of task.history ?? []) {
      const known = this.#said.get(message.messageId);
      if (known === undefined) {
        const role = message.role === "ROLE_USER" ? "user" : "agent";
        this.#add({ kind: "said", role, parts: message.parts ?? [], done: true }, this.#said, message.messageId);
      }
    }
  }

  #apply(change, event) {
    switch (change.type) {
      case "textDelta":
        return this.#grow(this.#message(change.messageId), change.partIndex, { text: change.text });
      case "partAdded":
        return this.#grow(this.#message(change.messageId), change.partIndex, change.part);
      case "messageReplaced":
        return this.#replace(this.#message(change.messageId), change.parts);
      case "messageCompleted": {
        const block = this.#said.get(change.message.messageId ?? "");
        if (block) this.#finish(block);
        if (!change.message.messageId) this.#said.delete("");
        return;
      }
      case "messageAbandoned": {
        const block = this.#said.get(change.messageId);
        if (block) this.#finish(block);
        return;
      }
      case "gap":
        return this.note("gap", "A part of this message was not seen; it comes whole at its end.");
      case "artifactReplaced":
        return this.#artifact(change.artifact, change.lastChunk);
      case "artifactDelta": {
        const block = this.#artifacts.get(change.artifactId) ?? this.#artifact({ artifactId: change.artifactId }, false);
        for (const part of change.parts) this.#append(block, part);
        if (change.lastChunk) this.#finish(block);
        return;
      }
      case "statusChanged":
        return this.#state(change.state, event.statusUpdate ?? event.task);
      default:
        return;
    }
  }

  #message(messageId) {
    const known = this.#said.get(messageId);
    if (known) return known;
    return this.#add({ kind: "said", role: "agent", parts: [], done: false }, this.#said, messageId);
  }

  #grow(block, index, part) {
    const there = block.parts[index];
    if (there === undefined) {
      block.parts[index] = { ...part };
      this.#view.part(block, index);
    } else if (typeof there.text === "string" && typeof part.text === "string") {
      there.text += part.text;
      this.#view.grew(block, index, part.text);
    }
  }

  /** Parts of an artifact follow one another; plain text goes on where plain text ended. */
  #append(block, part) {
    const last = block.parts.at(-1);
    const index = last && isPlain(last) && isPlain(part) ? block.parts.length - 1 : block.parts.length;
    this.#grow(block, index, part);
  }

  #artifact(artifact, last) {
    const { artifactId, name = "", description = "" } = artifact;
    let block = this.#artifacts.get(artifactId);
    if (block === undefined) {
      block = { kind: "artifact", artifactId, name, description, parts: [], done: false };
      this.#add(block, this.#artifacts, artifactId);
    }
    if (name) block.name = name;
    if (description) block.description = description;
    const parts = joined(artifact.parts ?? []);
    if (grows(block.parts, parts)) for (const part of rest(block.parts, parts)) this.#append(block, part);
    else this.#replace(block, parts);
    if (last) this.#finish(block);
    return block;
  }

  #replace(block, parts) {
    block.parts = parts.map((part) => ({ ...part }));
    this.#view.replaced(block);
  }

  #finish(block) {
    if (block.done) return;
    block.done = true;
    this.#view.status(block);
  }

  #state(state, said) {
    const before = this.task.state;
    this.task = { ...this.task, id: this.task.id || said.taskId || "", state };
    if (said.contextId) this.task.contextId = said.contextId;
    if (isTerminal(state)) for (const block of this.#artifacts.values()) this.#finish(block);
    if (state !== before) this.#add({ kind: "state", state });
  }

  #add(block, index, key) {
    this.blocks.push(block);
    if (index) index.set(key, block);
    this.#view.added(block);
    return block;
  }
}

/** Whether a part is text and nothing else. */
function isPlain(part) {
  return typeof part.text === "string" && Object.keys(part).length === 1;
}

function joined(parts) {
  const made = [];
  for (const part of parts) {
    const last = made.at(-1);
    if (last && isPlain(last) && isPlain(part)) last.text += part.text;
    else made.push({ ...part });
  }
  return made;
}

/** Whether the wanted parts begin with those that are shown. */
function grows(shown, wanted) {
  return (
    shown.length <= wanted.length &&
    shown.every((part, at) => {
      const last = at === shown.length - 1;
      if (isPlain(part) && isPlain(wanted[at])) {
        return last ? wanted[at].text.startsWith(part.text) : wanted[at].text === part.text;
      }
      return JSON.stringify(part) === JSON.stringify(wanted[at]);
    })
  );
}

/** What is still to come of the wanted parts. */
function rest(shown, wanted) {
  const more = wanted.slice(shown.length);
  if (shown.length === 0) return more;
  const at = shown.length - 1;
  if (!isPlain(shown[at])) return more;
  const text = wanted[at].text.slice(shown[at].text.length);
  return text ? [{ text }, ...more] : more;
}
