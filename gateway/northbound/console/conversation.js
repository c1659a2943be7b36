// One conversation with one agent: sends, follows, comes back after a break, cancels. No DOM.

import { A2AError, Agent, Broken, isPassing } from "./a2a.js";
import { Recording } from "./recording.js";
import { EXTENSIONS, Transcript, isSettled, isTerminal, isWaiting } from "./transcript.js";

const WAITS_MS = [500, 1000, 2000, 4000, 8000];

export class Conversation {
  /** What is being done: idle, sending, following or waiting (to come back). */
  doing = "idle";
  cursor = "";
  /** When the next attempt to come back is, while waiting; in milliseconds since the epoch. */
  retryAt = 0;
  unsent = null;
  #abort = null;
  #wake = null;
  #onChange;
  #onCall;
  #base;

  /** `view` is the transcript's; `onChange` is called when anything but a block has changed. */
  constructor({ root, agent, binding, view, onChange, onCall }) {
    this.name = agent;
    this.#base = new URL(`${encodeURIComponent(agent)}/`, root).href;
    this.#onCall = onCall;
    this.speak(binding);
    this.transcript = new Transcript(view);
    this.recording = new Recording(agent);
    this.#onChange = onChange;
  }

  /** Speaks another binding from the next call on. */
  speak(binding) {
    this.bindingName = binding;
    this.agent = new Agent(this.#base, { binding, extensions: EXTENSIONS, onCall: this.#onCall });
  }

  get task() {
    return this.transcript.task;
  }

  get isBusy() {
    return this.doing !== "idle";
  }

  /** Whether there is something to cancel. */
  get canCancel() {
    return this.doing === "sending" || (this.task.id !== "" && !isTerminal(this.task.state));
  }

  /** Sends a message, in the task that waits for one or in a new one, and follows what comes of it. */
  async send(parts) {
    const message = { messageId: newId(), role: "ROLE_USER", parts };
    if (this.task.contextId) message.contextId = this.task.contextId;
    if (isWaiting(this.task.state)) message.taskId = this.task.id;
    this.transcript.say(message);
    this.cursor = "";
    this.recording.asked({ message });
    this.#do("sending");
    const open = (signal) => this.agent.stream("SendStreamingMessage", { message }, { signal });
    await this.#follow(open, () => {
      this.unsent = parts;
    });
  }

  /** Follows a task that is known by its id: from the cursor, where there is one, else from how it stands. */
  async resume(taskId = this.task.id) {
    this.transcript.task = { ...this.task, id: taskId };
    this.#do("following");
    await this.#follow((signal) => this.#subscribe(signal));
  }

  /** Cancels the task; before there is one, only stops listening. */
  async cancel() {
    const { id } = this.task;
    if (!id) {
      this.stop();
      this.transcript.note("info", "Nobody listens any more. The agent had not named a task, so there is nothing to cancel.");
      return;
    }
    try {
      const task = await this.agent.call("CancelTask", { id });
      if (!this.isBusy || this.doing === "waiting") this.#took({ task });
    } catch (error) {
      this.#tell(error);
    }
    if (this.doing === "waiting" && isTerminal(this.task.state)) this.stop();
    this.#onChange();
  }

  /** Follows no longer; the task goes on. */
  stop() {
    this.#abort?.abort();
    this.#wake?.();
    this.#do("idle");
  }

  /** Comes back now and not later. */
  hurry() {
    this.#wake?.();
  }

  /** What a reload needs; null where there is too much of it to be kept. */
  kept(most) {
    const { id, contextId } = this.task;
    const whole = this.recording.size <= most && !this.recording.full;
    return {
      agent: this.name,
      binding: this.bindingName,
      taskId: id,
      contextId,
      cursor: whole ? this.cursor : "",
      lines: whole ? this.recording.lines : null,
    };
  }

  /** Shows again what was kept; whether the task is to be followed on. */
  restore({ taskId, contextId, cursor, lines }) {
    for (const line of lines ?? []) {
      if (line.request) this.transcript.say(line.request.message);
      else if (line.event) this.transcript.take(line.event);
      else if (line.error) this.#tell(new A2AError(line.error.reason, line.error.message));
    }
    if (lines) this.recording.restore(lines);
    this.cursor = cursor;
    if (!lines) this.transcript.task = { id: taskId, contextId, state: "" };
    return taskId !== "" && !isSettled(this.task.state);
  }

  async #follow(open, onUnsent = () => {}) {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    let [attempt, advised] = [0, 0];
    for (;;) {
      try {
        for await (const item of open(abort.signal)) {
          if (item.retry !== undefined) {
            advised = item.retry;
            continue;
          }
          attempt = 0;
          if (this.doing !== "following") this.#do("following");
          this.#took(item.event, item.cursor);
        }
        if (this.#mayEnd()) {
          this.recording.ended();
          break;
        }
        throw new Broken("The stream ended before the task did");
      } catch (error) {
        if (abort.signal.aborted) return;
        if (!isPassing(error)) {
          if (await this.#isOver(error, abort.signal)) break;
          this.recording.ended(error);
          this.#tell(error);
          break;
        }
        if (!this.task.id) {
          onUnsent();
          this.#tell(error, "It may have reached the agent, so it is not sent again by itself.");
          break;
        }
        await this.#pause(Math.max(advised, WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)]));
        if (abort.signal.aborted) return;
        [attempt, advised] = [attempt + 1, 0];
        open = (signal) => this.#subscribe(signal);
      }
    }
    this.#do("idle");
  }

  #subscribe(signal) {
    return this.agent.stream("SubscribeToTask", { id: this.task.id }, { cursor: this.cursor, signal });
  }

  /** Whether the refusal to follow a task means that it is over; then what it came to is shown. */
  async #isOver(error, signal) {
    if (!(error instanceof A2AError) || error.reason !== "UNSUPPORTED_OPERATION" || !this.task.id) return false;
    try {
      const task = await this.agent.call("GetTask", { id: this.task.id }, signal);
      this.#took({ task });
      if (isSettled(this.task.state)) return true;
      this.transcript.note("info", "This agent cannot be followed again; the task is shown as it stands.");
      return true;
    } catch {
      return false;
    }
  }

  #took(event, cursor = "") {
    if (cursor) this.cursor = cursor;
    this.recording.came(event, cursor);
    this.transcript.take(event);
    this.#onChange();
  }

  #mayEnd() {
    return isSettled(this.task.state) || (this.task.id === "" && this.recording.lines.at(-1)?.event?.message);
  }

  #tell(error, more = "") {
    const title = error instanceof A2AError ? error.reason : "Connection lost";
    this.transcript.note("error", [error.message, more].filter(Boolean).join(" "), title);
  }

  async #pause(ms) {
    this.retryAt = Date.now() + ms;
    this.#do("waiting");
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  #do(what) {
    this.doing = what;
    this.#onChange();
  }
}

/** A random UUID, also where a page is not secure enough for the browser to make one. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"));
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)].map((part) => part.join("")).join("-");
}
