// The wire: every event as it crossed both sides, the agent's left and the caller's right.

import { Feed } from "./feed.js";
import { bytes, byId, make, onceAFrame, span, spelled } from "./dom.js";
import { indented } from "./indent.js";
import { Pairing, cursorOf, sides } from "./pairing.js";
import { Plot } from "./plot.js";
import { summary } from "./summary.js";

const KEPT = 3000;
const NAMES = { GRPC: "gRPC", JSONRPC: "JSON-RPC", "HTTP+JSON": "HTTP+JSON", WORKER: "worker" };
const TO_THE_CALLER = "→";
const TO_THE_AGENT = "←";

export class WireView {
  #own = new Set(); // the names of this page's calls
  #frames = []; // as they came, with what was missed, for when the scope changes
  #missed = 0;
  #pairing = new Pairing();
  #lines = new Map(); // rows to elements
  #changed = new Set();
  #since = 0; // what the feed's clock and the page's differ by
  #follows = true;
  #timer = 0;

  constructor(root) {
    this.list = byId("rows");
    this.plot = new Plot(byId("plot"), byId("plot-caption"));
    this.feed = new Feed(new URL("console/wire", root), {
      frame: (frame) => this.#took(frame),
      missed: (frames) => this.#missedSome(frames),
      state: () => this.#showState(),
    });
    this.#paint = onceAFrame(() => this.#lay());
    this.#draw = onceAFrame(() => this.plot.draw(performance.now() - this.#since));
    byId("scope").addEventListener("change", () => this.#again());
    byId("clear").addEventListener("click", () => this.clear());
    byId("watch").addEventListener("change", (event) => (event.target.checked ? this.open() : this.close()));
    this.list.addEventListener("keydown", (event) => this.#onKey(event));
    const box = byId("wire-scroll");
    box.addEventListener("scroll", () => {
      this.#follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    });
    new ResizeObserver(() => this.#draw()).observe(this.plot.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  #paint;
  #draw;

  open() {
    this.feed.open();
  }

  close() {
    this.feed.close();
  }

  /** A call that this page made. */
  owns(call) {
    this.#own.add(call);
    if (this.#frames.some((frame) => frame.call === call)) this.#again();
  }

  clear() {
    this.#frames = [];
    this.#missed = 0;
    this.#again();
  }

  #took(frame) {
    this.#since = performance.now() - frame.at;
    this.#keep(frame);
  }

  #missedSome(frames) {
    this.#missed += frames;
    this.#keep({ missed: frames });
  }

  #keep(item) {
    this.#frames.push(item);
    if (this.#frames.length > KEPT) this.#frames.splice(0, KEPT / 4);
    if (this.#shows(item)) this.#add(item);
  }

  /** Whether something belongs to what is shown; what was missed may have. */
  #shows(item) {
    return byId("scope").value === "all" || item.missed || this.#own.has(item.call);
  }

  #add(frame) {
    if (frame.missed) {
      this.#changed.add(this.#pairing.miss(frame.missed));
      this.#paint();
      return;
    }
    for (const row of this.#pairing.take(frame)) this.#changed.add(row);
    if (frame.side === "northbound" && frame.direction === "response") {
      this.plot.add(frame.call, frame.at);
      this.#keepDrawing();
    }
    this.#paint();
  }

  /** Shows anew what is kept, for another scope. */
  #again() {
    this.#pairing = new Pairing();
    this.#changed.clear();
    this.#lines.clear();
    this.list.replaceChildren();
    this.plot.clear();
    for (const frame of this.#frames) if (this.#shows(frame)) this.#add(frame);
    this.#paint();
    this.#draw();
  }

  #lay() {
    for (const row of this.#changed) {
      const element = this.#line(row);
      const before = this.#lines.get(row);
      if (before) {
        if (before.classList.contains("open")) continue;
        const focused = before.contains(document.activeElement);
        before.replaceWith(element);
        if (focused) element.querySelector("button")?.focus();
      } else {
        this.list.append(element);
      }
      this.#lines.set(row, element);
    }
    this.#changed.clear();
    while (this.#lines.size > this.#pairing.rows.length) {
      const [[row, element]] = this.#lines;
      this.#lines.delete(row);
      element.remove();
    }
    this.#showTotals();
    if (this.#follows) byId("wire-scroll").scrollTop = byId("wire-scroll").scrollHeight;
  }

  #line(row) {
    if (row.missed) return make("li", { class: "missed" }, `${row.missed} frames not shown`);
    const { south, north } = sides(row);
    const answers = row.direction === "response";
    const through = south && north ? Math.abs(north.at - south.at) : null;
    const middle = make(
      "span",
      { class: "middle" },
      make("span", { class: "gap", title: "since the event before" }, row.gap === null ? "" : `+${span(row.gap)}`),
      make(
        "span",
        { class: "through", title: through === null ? null : "the time inside the gateway" },
        through === null ? "" : `${span(through)} `,
        make("span", { class: "arrow", "aria-hidden": "true" }, answers ? TO_THE_CALLER : TO_THE_AGENT),
      ),
    );
    const button = make(
      "button",
      { type: "button", class: "row", "aria-expanded": "false", onclick: (event) => this.#toggle(event.currentTarget, row) },
      cell(south, "south"),
      middle,
      cell(north, "north"),
    );
    return make("li", { class: answers ? "answer" : "request" }, button);
  }

  #toggle(button, row) {
    const item = button.parentElement;
    const open = item.classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
    item.querySelector(".detail")?.remove();
    if (!open) return;
    const { south, north } = sides(row);
    item.append(make("div", { class: "detail" }, pane(south, "south", "Agent"), pane(north, "north", "Caller")));
  }

  #onKey(event) {
    const item = event.target.closest("li");
    if (!item) return;
    if (event.key === "Escape" && item.classList.contains("open")) {
      const button = item.querySelector("button.row");
      button.click();
      button.focus();
      event.stopPropagation();
    } else if (event.target.matches("button.row") && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      let next = item;
      do next = event.key === "ArrowDown" ? next.nextElementSibling : next.previousElementSibling;
      while (next && !next.querySelector("button.row"));
      next?.querySelector("button.row").focus();
      event.preventDefault();
    }
  }

  /** The plot moves on while there is something in it, at a calm pace. */
  #keepDrawing() {
    this.#draw();
    if (this.#timer) return;
    const everyMs = matchMedia("(prefers-reduced-motion: reduce)").matches ? 2000 : 250;
    let left = 30_000 / everyMs;
    this.#timer = setInterval(() => {
      this.#draw();
      left -= 1;
      if (left <= 0) {
        clearInterval(this.#timer);
        this.#timer = 0;
      }
    }, everyMs);
  }

  #showTotals() {
    const { southbound, northbound } = this.#pairing.totals;
    const bindings = { southbound: new Set(), northbound: new Set() };
    for (const row of this.#pairing.rows) {
      for (const frame of [row.arrived, row.left]) if (frame) bindings[frame.side].add(NAMES[frame.binding] ?? frame.binding);
    }
    const words = (side, totals) =>
      `${[...bindings[side]].join(", ") || "nothing yet"}${totals.frames ? ` · ${totals.frames} · ${bytes(totals.bytes)}` : ""}`;
    byId("south-total").textContent = words("southbound", southbound);
    byId("north-total").textContent = words("northbound", northbound);
    const left = this.#pairing.dropped;
    byId("wire-note").textContent = [left ? `${left} earlier rows left out` : "", this.#missed ? `${this.#missed} frames not shown` : ""]
      .filter(Boolean)
      .join(" · ");
    byId("wire-empty").hidden = this.#pairing.rows.length > 0;
  }

  #showState() {
    const { state, reason, processes } = this.feed;
    const open = processes > 1 ? `watching 1 of ${processes} processes` : "watching";
    const words = { closed: "not watching", opening: "connecting", open, refused: spelled(reason) || "refused" };
    const mark = byId("watch-state");
    mark.textContent = words[state];
    mark.dataset.tone = { open: "good", refused: "bad" }[state] ?? "waits";
  }
}

function cell(frame, side) {
  if (!frame) return make("span", { class: `cell ${side} none` });
  const cursor = cursorOf(frame);
  const said = summary(frame);
  const gist = said && [make("b", {}, spelled(said.kind)), " ", spelled(said.text)];
  return make(
    "span",
    { class: `cell ${side}` },
    make(
      "span",
      { class: "line" },
      make("span", { class: "gist" }, ...(gist ?? [make("b", {}, "message")])),
      cursor ? make("span", { class: "cursor", title: `cursor ${spelled(cursor)}` }, spelled(cursor.slice(-8))) : null,
    ),
    make("span", { class: "line" }, make("span", { class: "size" }, bytes(frame.bytes)), make("code", { class: "frame" }, spelled(brief(frame)))),
  );
}

/** The frame as it stands, in one line. */
function brief(frame) {
  if (frame.text === undefined) return "(not readable)";
  return frame.text.slice(0, 400).replace(/\n+$/, "").replaceAll("\n", " ⏎ ");
}

function pane(frame, side, title) {
  if (!frame) return make("div", { class: `pane ${side} none` }, `Nothing crossed on the ${title.toLowerCase()}'s side.`);
  const name = `${title}: ${NAMES[frame.binding] ?? spelled(frame.binding)}`;
  const pre = make("pre", { tabindex: "0", "aria-label": `${name}, the frame` }, spelled(pretty(frame)));
  const toggle = make("button", { type: "button", class: "plain", "aria-pressed": "false" }, "Bytes");
  toggle.addEventListener("click", () => {
    const hex = toggle.getAttribute("aria-pressed") === "false";
    toggle.setAttribute("aria-pressed", String(hex));
    pre.textContent = hex ? dump(frame) : spelled(pretty(frame));
  });
  const cursor = cursorOf(frame);
  const facts = [`${frame.bytes} bytes`, cursor && `cursor ${spelled(cursor)}`, `call ${spelled(frame.call)}`].filter(Boolean);
  return make("div", { class: `pane ${side}` }, make("p", { class: "head" }, make("strong", {}, name), ` ${facts.join(", ")} `, toggle), pre);
}

/** A frame for reading: as it stands, with line breaks in its JSON. */
function pretty(frame) {
  return indented(frame.text ?? "(This message cannot be read; its bytes can be shown.)");
}

/** Bytes as hex and as ASCII, sixteen a line. */
function dump(frame) {
  const raw = frame.raw === undefined ? new TextEncoder().encode(frame.text ?? "") : Uint8Array.from(atob(frame.raw), (char) => char.charCodeAt(0));
  const lines = [];
  for (let at = 0; at < raw.length; at += 16) {
    const row = [...raw.slice(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (raw.length < frame.bytes) lines.push(`… ${frame.bytes} bytes in all`);
  return lines.join("\n");
}
