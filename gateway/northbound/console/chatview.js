// The transcript on the page: one element a block, which grows in place.

import { make, spelled } from "./dom.js";
import { partElement } from "./parts.js";

const STATES = {
  TASK_STATE_SUBMITTED: ["submitted", "waits"],
  TASK_STATE_WORKING: ["working", "runs"],
  TASK_STATE_INPUT_REQUIRED: ["input required", "asks"],
  TASK_STATE_AUTH_REQUIRED: ["authorization required", "asks"],
  TASK_STATE_COMPLETED: ["completed", "good"],
  TASK_STATE_CANCELED: ["canceled", "ended"],
  TASK_STATE_FAILED: ["failed", "bad"],
  TASK_STATE_REJECTED: ["rejected", "bad"],
};

/** A state in words, and its tone. */
export function stateWords(state) {
  return STATES[state] ?? [spelled(String(state).replace("TASK_STATE_", "").toLowerCase().replaceAll("_", " ")), "waits"];
}

export class ChatView {
  #elements = new Map(); // blocks to {element, body, parts}
  #announce = "";
  #announcing = 0;

  /** `log` holds the blocks, `live` is read out; `onGrow` is called after each change. */
  constructor(log, live, onGrow) {
    this.log = log;
    this.live = live;
    this.onGrow = onGrow;
  }

  clear() {
    this.#elements.clear();
    this.#announce = "";
    this.log.replaceChildren();
  }

  added(block) {
    const body = make("div", { class: "body" });
    const element = make("article", { class: `block ${block.kind}` });
    this.#elements.set(block, { element, body, texts: [] });
    if (block.kind === "state") {
      const [words, tone] = stateWords(block.state);
      element.dataset.tone = tone;
      element.append(make("span", { class: "mark" }), words);
      this.#say(`Task ${words}.`);
    } else if (block.kind === "note") {
      element.dataset.tone = block.tone;
      element.append(make("strong", {}, spelled(block.title || (block.tone === "gap" ? "Gap" : "Note"))), " ", spelled(block.text));
      if (block.tone === "error") element.setAttribute("role", "alert");
      else this.#say(block.text);
    } else {
      element.append(this.#heading(block), body);
      if (block.role) element.dataset.role = block.role;
      element.dataset.done = String(block.done);
      block.parts.forEach((_, index) => this.#put(block, index));
    }
    const last = this.log.lastElementChild;
    // States that follow one another stand on one line.
    if (block.kind === "state" && last?.classList.contains("states")) last.append(element);
    else if (block.kind === "state") this.log.append(make("div", { class: "states" }, element));
    else this.log.append(element);
    this.onGrow();
  }

  grew(block, index, text) {
    const node = this.#elements.get(block).texts[index];
    if (node) node.appendData(text);
    this.#heard(block, text);
    this.onGrow();
  }

  part(block, index) {
    this.#put(block, index);
    this.#heard(block, block.parts[index].text ?? "");
    this.onGrow();
  }

  replaced(block) {
    const shown = this.#elements.get(block);
    shown.body.replaceChildren();
    shown.texts = [];
    block.parts.forEach((_, index) => this.#put(block, index));
    this.onGrow();
  }

  status(block) {
    const { element } = this.#elements.get(block);
    element.dataset.done = String(block.done);
    element.querySelector(".who")?.replaceWith(this.#heading(block));
    if (block.done) this.#flush();
  }

  #heading(block) {
    if (block.kind === "said") return make("h3", { class: "who" }, block.role === "user" ? "You" : "Agent");
    const name = make("span", {}, spelled(block.name || block.artifactId));
    const about = block.description ? make("span", { class: "about" }, spelled(block.description)) : null;
    return make("h3", { class: "who" }, make("span", { class: "kind" }, "Artifact"), " ", name, about && " ", about);
  }

  #put(block, index) {
    const { body, texts } = this.#elements.get(block);
    const element = partElement(block.parts[index]);
    body.append(element);
    const text = element.classList.contains("text") ? element : element.querySelector?.(".text");
    texts[index] = text?.firstChild ?? null;
  }

  #heard(block, text) {
    if (block.role !== "user") this.#say(text, false);
  }

  /** Reads out what has come in whole words, a while apart, so that tokens do not interrupt each other. */
  #say(text, whole = true) {
    this.#announce += whole ? ` ${text} ` : text;
    if (!this.#announcing) this.#announcing = setTimeout(() => this.#flush(false), 1500);
  }

  #flush(all = true) {
    clearTimeout(this.#announcing);
    this.#announcing = 0;
    const end = all ? this.#announce.length : this.#announce.search(/\s\S*$/) + 1;
    const said = this.#announce.slice(0, end || this.#announce.length).trim().slice(-1500);
    this.#announce = end ? this.#announce.slice(end) : "";
    if (said) this.live.replaceChildren(make("p", {}, spelled(said)));
  }
}
