// Any A2A 1.0 stream as one sequence of changes, with or without the token-delta extension.
//
//   const client = new Client();
//   for (const change of client.feed(event)) if (change.type === "textDelta") show(change.text);
//
// The same behaviour as gateway/deltas in Python; docs/delta-streaming.md is the specification.
// Positions count code points. Objects have no prototype: a member called __proto__ is a member.

export const URI = "https://a2a-extensions.adk.kagenti.dev/ui/streaming/v1";

export const BOUNDS = Object.freeze({
  ops: 1024, // of one patch
  draftBytes: 6 * 1024 * 1024, // of one draft: texts and names as UTF-8, 8 for every value
  workBytes: 32 * 1024 * 1024, // what one patch may copy, move and rebuild
  depth: 40, // levels of a draft, steps of a pointer
  drafts: 64, // messages that are open at once
});

/** A patch that is no patch, or that does not fit the document, which is as it was before. */
export class PatchRefused extends Error {}

const SCALAR_BYTES = 8;
const TERMINAL = new Set(["COMPLETED", "FAILED", "CANCELED", "REJECTED"].map((name) => `TASK_STATE_${name}`));
const WITH_VALUE = new Set(["add", "replace", "test", "str_ins"]);
const WITH_SOURCE = new Set(["move", "copy"]);
const NAMES = new Set([...WITH_VALUE, ...WITH_SOURCE, "remove"]);
const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/g;
const encoder = new TextEncoder();

// --- operations ---

/** The operations that a JSON value stands for. Throws PatchRefused. */
export function readPatch(value, most = BOUNDS.ops) {
  if (!Array.isArray(value)) throw new PatchRefused("a patch is a list of operations");
  if (value.length > most) throw new PatchRefused(`a patch of over ${most} operations`);
  return value.map(readOp);
}

function readOp(given) {
  if (!isObject(given)) throw new PatchRefused("an operation is an object");
  const op = member(given, "op");
  if (!NAMES.has(op)) throw new PatchRefused("unknown operation");
  const path = member(given, "path");
  if (typeof path !== "string") throw new PatchRefused("'path' has to be a string");
  if (WITH_VALUE.has(op) && !Object.hasOwn(given, "value")) throw new PatchRefused(`${op} without a value`);
  const read = { op, path, value: WITH_VALUE.has(op) ? given.value : null };
  if (WITH_SOURCE.has(op)) {
    read.source = member(given, "from");
    if (typeof read.source !== "string") throw new PatchRefused("'from' has to be a string");
  }
  if (op === "str_ins") {
    if (typeof read.value !== "string") throw new PatchRefused("str_ins inserts text");
    if (Object.hasOwn(given, "pos")) read.pos = position(given.pos);
  }
  return read;
}

function position(value) {
  if (!Number.isInteger(value) || value < 0) throw new PatchRefused("'pos' has to be a whole number from 0");
  return value;
}

function steps(path, most) {
  if (path === "") return [];
  if (!path.startsWith("/")) throw new PatchRefused("a pointer begins with '/'");
  const names = path.slice(1).split("/");
  if (names.length > most) throw new PatchRefused(`a pointer of over ${most} steps`);
  if (/~(?![01])/.test(path)) throw new PatchRefused("'~' is written '~0' in a pointer");
  return names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function place(step, length) {
  if (step === "-") return length;
  if (!/^(0|[1-9][0-9]{0,8})$/.test(step) || Number(step) > length) throw new PatchRefused("no place in a list");
  return Number(step);
}

function element(items, step) {
  const at = place(step, items.length);
  if (at === items.length) throw new PatchRefused("nothing there");
  return at;
}

// --- a document that patches change ---

/** A text in pieces. Its length is in code points. */
class Growing {
  constructor(...pieces) {
    this.pieces = pieces;
    this.length = pieces.reduce((sum, piece) => sum + codePoints(piece), 0);
  }
  append(text) {
    this.pieces.push(text);
    this.length += codePoints(text);
  }
  cut(length) {
    this.pieces = [insertion(this.toString(), length)[0]];
    this.length = length;
  }
  toString() {
    if (this.pieces.length > 1) this.pieces = [this.pieces.join("")];
    return this.pieces[0];
  }
}

/** A JSON value, null at first, to which whole patches are applied or nothing. */
export class Document {
  #bounds;
  #holder = { document: null };
  #bytes = SCALAR_BYTES;
  #work = 0;
  #undo = [];

  constructor(bounds = BOUNDS) {
    this.#bounds = bounds;
  }

  /** A copy of what stands at a place; undefined where there is nothing. */
  read(...path) {
    let node = this.#holder.document;
    for (const step of path) {
      if (node === null || typeof node !== "object" || !Object.hasOwn(node, step)) return undefined;
      node = node[step];
    }
    return plain(node);
  }

  count(name) {
    const root = this.#holder.document;
    return isObject(root) && Array.isArray(member(root, name)) ? root[name].length : 0;
  }

  /** Throws PatchRefused. */
  apply(ops) {
    if (ops.length > this.#bounds.ops) throw new PatchRefused(`a patch of over ${this.#bounds.ops} operations`);
    const before = this.#bytes;
    this.#work = 0;
    this.#undo = [];
    try {
      for (const op of ops) this.#one(op);
    } catch (error) {
      for (const step of this.#undo.reverse()) step();
      this.#bytes = before;
      throw error;
    } finally {
      this.#undo = [];
    }
  }

  #one(op) {
    switch (op.op) {
      case "add":
        return this.#insert(op.path, op.value);
      case "remove":
        return void this.#take(op.path);
      case "replace": {
        const [container, key] = this.#existing(op.path);
        this.#weigh(-this.#size(container[key]));
        return this.#set(container, key, this.#taken(op.value, op.path));
      }
      case "move":
        if (op.path.startsWith(`${op.source}/`)) throw new PatchRefused("a value cannot move into itself");
        this.#existing(op.source);
        if (op.path !== op.source) this.#insert(op.path, this.#take(op.source));
        return;
      case "copy": {
        const [container, key] = this.#existing(op.source);
        return this.#insert(op.path, container[key]);
      }
      case "test": {
        const [container, key] = this.#existing(op.path);
        this.#spend(this.#size(container[key]));
        if (!same(plain(container[key]), op.value)) throw new PatchRefused("the value is another");
        return;
      }
      default:
        return this.#insertText(op);
    }
  }

  #insertText(op) {
    const [container, key] = this.#existing(op.path);
    const old = container[key];
    if (typeof old !== "string" && !(old instanceof Growing)) throw new PatchRefused("what stands there is no text");
    const length = old instanceof Growing ? old.length : codePoints(old);
    const pos = op.pos ?? length;
    if (pos > length) throw new PatchRefused(`position ${pos} in a text of ${length} code points`);
    this.#weigh(textBytes(op.value));
    if (op.value === "") return;
    if (pos < length) {
      this.#spend(length);
      const [start, end] = insertion(String(old), pos);
      this.#set(container, key, start + op.value + end);
    } else if (old instanceof Growing) {
      old.append(op.value);
      this.#undo.push(() => old.cut(length));
    } else {
      this.#set(container, key, new Growing(old, op.value));
    }
  }

  #insert(path, value) {
    const [container, key] = this.#place(path);
    if (Array.isArray(container)) {
      const at = place(key, container.length);
      container.splice(at, 0, this.#taken(value, path));
      this.#undo.push(() => container.splice(at, 1));
    } else {
      this.#weigh(Object.hasOwn(container, key) ? -this.#size(container[key]) : textBytes(key));
      this.#set(container, key, this.#taken(value, path));
    }
  }

  #take(path) {
    const [container, key] = this.#existing(path);
    if (container === this.#holder) throw new PatchRefused("the document itself stays");
    const value = container[key];
    this.#weigh(-this.#size(value));
    if (Array.isArray(container)) {
      container.splice(key, 1);
      this.#undo.push(() => container.splice(key, 0, value));
    } else {
      this.#weigh(-textBytes(key));
      delete container[key];
      this.#undo.push(() => (container[key] = value));
    }
    return value;
  }

  #set(container, key, value) {
    const old = container[key];
    this.#undo.push(Object.hasOwn(container, key) ? () => (container[key] = old) : () => delete container[key]);
    container[key] = value;
  }

  #existing(path) {
    const [container, key] = this.#place(path);
    if (Array.isArray(container)) return [container, element(container, key)];
    if (!Object.hasOwn(container, key)) throw new PatchRefused("nothing there");
    return [container, key];
  }

  #place(path) {
    let container = this.#holder;
    let key = "document";
    for (const step of steps(path, this.#bounds.depth)) {
      const inner = Array.isArray(container) ? container[element(container, key)] : member(container, key);
      if (!Array.isArray(inner) && !isObject(inner)) throw new PatchRefused("nothing there to go into");
      [container, key] = [inner, step];
    }
    return [container, key];
  }

  #taken(value, path) {
    const size = { bytes: 0 };
    const copy = copied(value, this.#bounds.depth - (path.split("/").length - 1), size);
    this.#spend(size.bytes);
    this.#weigh(size.bytes);
    return copy;
  }

  #size(value) {
    const size = { bytes: 0 };
    copied(value, Infinity, size);
    this.#spend(size.bytes);
    return size.bytes;
  }

  #weigh(more) {
    this.#bytes += more;
    if (more > 0 && this.#bytes > this.#bounds.draftBytes) throw new PatchRefused("the draft is too large");
  }

  #spend(work) {
    this.#work += work;
    if (this.#work > this.#bounds.workBytes) throw new PatchRefused("the patch copies too much");
  }
}

/** What a patch makes of a value, which stays as it is. Throws PatchRefused. */
export function applied(value, patch, bounds = BOUNDS) {
  const document = new Document(bounds);
  document.apply([{ op: "replace", path: "", value }]);
  document.apply(readPatch(patch, bounds.ops));
  return document.read();
}

function copied(node, levels, size) {
  if (typeof node === "string" || node instanceof Growing) {
    const text = String(node);
    size.bytes += SCALAR_BYTES + textBytes(text);
    return text;
  }
  size.bytes += SCALAR_BYTES;
  if (node === null || typeof node !== "object") return node;
  if (levels <= 0) throw new PatchRefused("nested too deep");
  if (Array.isArray(node)) return node.map((item) => copied(item, levels - 1, size));
  const copy = Object.create(null);
  for (const name of Object.keys(node)) {
    size.bytes += textBytes(name);
    copy[name] = copied(node[name], levels - 1, size);
  }
  return copy;
}

function plain(node) {
  return copied(node, Infinity, { bytes: 0 });
}

function same(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, at) => same(item, other[at]));
  }
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
    );
  }
  return one === other;
}

// --- messages that patches build ---

class Draft {
  constructor(messageId, bounds) {
    this.messageId = messageId;
    this.bounds = bounds;
    this.document = new Document(bounds);
    this.lost = false;
    this.begun = false;
    this.seq = null;
    this.lengths = new Map(); // of the text parts, in code points
  }

  take(patch, ops) {
    const setsAll = ops !== null && ops.length > 0 && ["replace", "add"].includes(ops[0].op) && ops[0].path === "";
    if (!this.lost && this.seq !== null && patch.seq !== null) {
      if (patch.seq <= this.seq) return [];
      if (patch.seq - patch.covers !== this.seq && !setsAll) return this.lose();
    }
    if (ops === null || (!this.begun && !setsAll)) return this.lose();
    if (this.lost && !setsAll) return [];
    let changes;
    try {
      changes = setsAll ? this.replaced(ops) : this.grown(ops);
    } catch (error) {
      if (error instanceof PatchRefused) return this.lose();
      throw error;
    }
    this.lost = false;
    this.seq = patch.seq;
    return changes;
  }

  /** The parts as they were last shown; null where patches made something else of them. */
  shown() {
    if (!this.begun) return [];
    const parts = this.document.read("parts");
    return Array.isArray(parts) && parts.every(isPart) ? parts : null;
  }

  metadata() {
    const metadata = this.document.read("metadata");
    return isObject(metadata) ? metadata : Object.create(null);
  }

  lose() {
    const known = this.lost;
    this.lost = true;
    return known ? [] : [{ type: "gap", messageId: this.messageId }];
  }

  replaced(ops) {
    const [shown, metadata] = [this.shown(), this.metadata()];
    const document = new Document(this.bounds);
    document.apply(ops);
    const parts = partsOf(document);
    this.document = document;
    this.begun = true;
    this.measure(parts);
    const changes = shown === null ? null : towards(this.messageId, shown, parts);
    if (changes === null) return [this.whole(parts)];
    return same(metadata, this.metadata()) ? changes : [...changes, this.described()];
  }

  grown(ops) {
    let count = this.document.count("parts");
    this.document.apply(ops);
    const changes = [];
    let described = false;
    for (const op of ops) {
      const at = this.lengthened(op);
      if (op.op === "add" && (op.path === "/parts/-" || op.path === `/parts/${count}`)) {
        const part = checkedPart(plain(op.value));
        if (typeof part.text === "string") this.lengths.set(count, codePoints(part.text));
        changes.push(opening(this.messageId, count, part));
        count += 1;
      } else if (at !== null) {
        this.lengths.set(at, this.lengths.get(at) + codePoints(op.value));
        if (op.value) changes.push({ type: "textDelta", messageId: this.messageId, partIndex: at, text: op.value });
      } else if (op.path === "/metadata" || op.path.startsWith("/metadata/")) {
        described = true;
      } else if (op.op !== "test") {
        const parts = partsOf(this.document);
        this.measure(parts);
        return [this.whole(parts)];
      }
    }
    return described ? [...changes, this.described()] : changes;
  }

  lengthened(op) {
    const found = op.op === "str_ins" ? /^\/parts\/([0-9]+)\/text$/.exec(op.path) : null;
    const at = found === null ? -1 : Number(found[1]);
    return this.lengths.has(at) && (op.pos === undefined || op.pos === this.lengths.get(at)) ? at : null;
  }

  measure(parts) {
    this.lengths.clear();
    parts.forEach((part, at) => {
      if (typeof part.text === "string") this.lengths.set(at, codePoints(part.text));
    });
  }

  whole(parts) {
    return { type: "messageReplaced", messageId: this.messageId, parts, metadata: this.metadata() };
  }

  described() {
    return { type: "metadataChanged", messageId: this.messageId, metadata: this.metadata() };
  }
}

/** All messages of one stream that are open, and those that are complete. */
class Drafts {
  constructor(bounds) {
    this.bounds = bounds;
    this.open = new Map();
    this.done = new Map();
    this.latest = "";
  }

  take(patch) {
    let ops = null;
    try {
      ops = readPatch(patch.update, this.bounds.ops);
    } catch (error) {
      if (!(error instanceof PatchRefused)) throw error;
    }
    const messageId = patch.messageId || rootId(ops) || this.latest;
    this.latest = messageId;
    if (this.done.has(messageId)) return [];
    const changes = [];
    if (!this.open.has(messageId)) {
      this.open.set(messageId, new Draft(messageId, this.bounds));
      if (this.open.size > this.bounds.drafts) {
        const [oldest] = this.open.keys();
        this.open.delete(oldest);
        changes.push({ type: "gap", messageId: oldest });
      }
    }
    return [...changes, ...this.open.get(messageId).take(patch, ops)];
  }

  complete(message) {
    const messageId = message.messageId ?? "";
    const before = this.done.get(messageId);
    const draft = this.open.get(messageId);
    this.open.delete(messageId);
    if (messageId && before !== undefined && same(before, message)) return [];
    const shown = draft ? draft.shown() : (before?.parts ?? []);
    const metadata = draft ? draft.metadata() : (before?.metadata ?? {});
    const [parts, wanted] = [message.parts ?? [], message.metadata ?? {}];
    let changes = shown === null ? null : towards(messageId, shown, parts);
    if (changes === null) changes = [{ type: "messageReplaced", messageId, parts, metadata: wanted }];
    else if (!same(metadata, wanted)) changes.push({ type: "metadataChanged", messageId, metadata: wanted });
    if (messageId) {
      this.done.delete(messageId);
      this.done.set(messageId, message);
      if (this.done.size > this.bounds.drafts) this.done.delete(this.done.keys().next().value);
    }
    return [...changes, { type: "messageCompleted", message }];
  }

  abandon(messageId) {
    return this.open.delete(messageId) ? [{ type: "messageAbandoned", messageId }] : [];
  }
}

function rootId(ops) {
  const draft = ops?.[0]?.path === "" ? ops[0].value : null;
  const said = isObject(draft) ? member(draft, "message_id") : "";
  return typeof said === "string" ? said : "";
}

function partsOf(document) {
  const parts = document.read("parts");
  if (!Array.isArray(parts)) throw new PatchRefused("a draft has a list of parts");
  return parts.map(checkedPart);
}

function checkedPart(part) {
  if (!isPart(part)) throw new PatchRefused("a part is an object");
  return part;
}

function isPart(part) {
  return isObject(part) && (part.text === undefined || typeof part.text === "string");
}

function opening(messageId, partIndex, part) {
  const onlyText = typeof part.text === "string" && Object.keys(part).length === 1;
  if (onlyText) return { type: "textDelta", messageId, partIndex, text: part.text };
  return { type: "partAdded", messageId, partIndex, part };
}

/** What makes the wanted parts of those that were shown; null where that is not growth. */
function towards(messageId, shown, wanted) {
  if (shown.length > wanted.length) return null;
  const changes = [];
  for (const [at, part] of wanted.entries()) {
    if (at >= shown.length) {
      changes.push(opening(messageId, at, part));
    } else if (!same(shown[at], part)) {
      const [before, after] = [shown[at].text, part.text];
      const grows = typeof before === "string" && typeof after === "string" && after.startsWith(before);
      if (!grows || !same({ ...shown[at], text: "" }, { ...part, text: "" })) return null;
      changes.push({ type: "textDelta", messageId, partIndex: at, text: after.slice(before.length) });
    }
  }
  return changes;
}

// --- the client ---

/** Reads one stream of events in the JSON of A2A 1.0. To go on after a cut, feed it the new stream. */
export class Client {
  #drafts;
  #previews = new Map(); // artifact ids to the drafts that show them while they grow
  #state = null;

  constructor(bounds = BOUNDS) {
    this.#drafts = new Drafts(bounds);
  }

  /** What an event changes. Once the task is at its end, nothing does. */
  feed(event) {
    if (TERMINAL.has(this.#state)) return [];
    if (isObject(event.task)) return this.#task(event.task);
    if (isObject(event.message)) return this.#drafts.complete(event.message);
    if (isObject(event.statusUpdate)) return [...this.#patch(event.statusUpdate), ...this.#update(event.statusUpdate)];
    if (isObject(event.artifactUpdate?.artifact)) return this.#artifact(event.artifactUpdate);
    return [];
  }

  #task(task) {
    const changes = [{ type: "taskSeen", task }];
    const opened = new Set(this.#drafts.open.keys());
    for (const message of task.history ?? []) {
      if (opened.has(message.messageId)) changes.push(...this.#drafts.complete(message));
    }
    for (const artifact of task.artifacts ?? []) {
      changes.push({ type: "artifactReplaced", taskId: task.id, artifact, lastChunk: false });
    }
    return task.status ? [...changes, ...this.#status(task.id, task.status, {}, true)] : changes;
  }

  #patch(update) {
    const said = isObject(update.metadata) ? member(update.metadata, URI) : null;
    if (!isObject(said) || !Array.isArray(member(said, "message_update"))) return [];
    const patch = {
      update: said.message_update,
      messageId: text(member(said, "message_id")),
      seq: natural(member(said, "seq")),
      covers: natural(member(said, "covers")) || 1,
    };
    const artifactId = text(member(said, "artifact_id"));
    const changes = this.#drafts.take(patch);
    if (!artifactId) return changes;
    const begins = !this.#previews.has(artifactId);
    this.#previews.set(artifactId, patch.messageId);
    return preview(update.taskId, artifactId, changes, begins);
  }

  #update(update) {
    if (!isObject(update.status)) return [];
    const { [URI]: patches, ...metadata } = update.metadata ?? {};
    const said = patches === undefined || Object.keys(metadata).length > 0 || isObject(update.status.message);
    return this.#status(update.taskId, update.status, metadata, said);
  }

  #status(taskId, status, metadata, said) {
    const changes = isObject(status.message) ? this.#drafts.complete(status.message) : [];
    if (TERMINAL.has(status.state)) {
      const previews = new Set(this.#previews.values());
      for (const messageId of [...this.#drafts.open.keys()]) {
        const abandoned = this.#drafts.abandon(messageId);
        if (!previews.has(messageId)) changes.push(...abandoned);
      }
    }
    if (said || status.state !== this.#state) {
      changes.push({ type: "statusChanged", taskId, state: status.state, metadata });
    }
    this.#state = status.state;
    return changes;
  }

  #artifact({ taskId, artifact, append = false, lastChunk = false }) {
    const preview = this.#previews.get(artifact.artifactId);
    this.#previews.delete(artifact.artifactId);
    if (preview !== undefined) this.#drafts.abandon(preview);
    if (!append) return [{ type: "artifactReplaced", taskId, artifact, lastChunk }];
    return [{ type: "artifactDelta", taskId, artifactId: artifact.artifactId, parts: artifact.parts ?? [], lastChunk }];
  }
}

/** Changes of the draft that shows an artifact, as changes of the artifact. */
function preview(taskId, artifactId, changes, begins) {
  const made = [];
  for (const change of changes) {
    const parts =
      change.type === "textDelta" ? [{ text: change.text }] : change.type === "partAdded" ? [change.part] : null;
    if (change.type === "messageReplaced" || (parts && begins && made.length === 0)) {
      const artifact = { artifactId, parts: parts ?? change.parts };
      made.push({ type: "artifactReplaced", taskId, artifact, lastChunk: false });
    } else if (parts) {
      made.push({ type: "artifactDelta", taskId, artifactId, parts, lastChunk: false });
    }
  }
  return made;
}

// --- values ---

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Growing);
}

function member(object, name) {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function text(value) {
  return typeof value === "string" ? value : "";
}

function natural(value) {
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function codePoints(value) {
  return value.length - (value.match(PAIRS)?.length ?? 0);
}

function insertion(value, pos) {
  let at = 0;
  for (let left = pos; left > 0; left -= 1) at += value.codePointAt(at) > 0xffff ? 2 : 1;
  return [value.slice(0, at), value.slice(at)];
}

function textBytes(value) {
  return encoder.encode(value).length;
}
