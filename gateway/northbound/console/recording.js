// What was asked and what came, in order: what a reload builds on, and what is saved as a recording.
//
// docs/recordings.md is the specification of the file; gateway/codec/recording.py reads it.

/** The most that is kept, in characters of JSON; a task that grows beyond is no longer recorded. */
const MOST = 32 * 1024 * 1024;

export class Recording {
  lines = [];
  full = false;
  #size = 0;
  #began = null;

  constructor(agent, now = () => performance.now()) {
    this.agent = agent;
    this.now = now;
  }

  /** What was said to the agent: the request of SendStreamingMessage. */
  asked(request) {
    this.#add({ request });
  }

  /** An event of the stream. */
  came(event, cursor = "") {
    this.#add(cursor ? { event, cursor } : { event });
  }

  /** How a stream ended: well, or with an error. A stream that is broken off says nothing. */
  ended(error = null) {
    this.#add(error ? { error: { reason: error.reason, message: error.message } } : { end: true });
  }

  /** The file: the newest task, from the message that began it on. */
  text() {
    const begin = Math.max(this.lines.findLastIndex((line) => line.request && !line.request.message.taskId), 0);
    const lines = this.lines.slice(begin);
    const operation = lines[0]?.request ? "SendStreamingMessage" : "SubscribeToTask";
    const head = { recording: "a2a", version: 1, agent: this.agent, operation, protocol: "1.0" };
    const from = lines[0]?.at ?? 0;
    return [head, ...lines.map((line) => ({ ...line, at: line.at - from }))].map((line) => `${JSON.stringify(line)}\n`).join("");
  }

  get size() {
    return this.#size;
  }

  /** Goes on from lines that were kept. */
  restore(lines) {
    this.lines = lines;
    this.#size = lines.reduce((sum, line) => sum + JSON.stringify(line).length, 0);
    this.#began = this.now() - (lines.at(-1)?.at ?? 0);
  }

  #add(line) {
    if (this.full) return;
    this.#began ??= this.now();
    this.#size += JSON.stringify(line).length + 16;
    if (this.#size > MOST) this.full = true;
    else this.lines.push({ at: Math.round(this.now() - this.#began), ...line });
  }
}
