// Events a second and the time between them, drawn as they come.

import { span } from "./dom.js";
import { quantile } from "./pairing.js";

const [LEAST_MS, MOST_MS] = [5000, 30_000]; // of time that is shown: all there is, within these
const MOST = 3000;
const BUCKETS = 60;
const DECADES = [1, 10, 100, 1000, 10_000];
const FONT = "10px system-ui, sans-serif";

export class Plot {
  #times = [];
  #gaps = [];
  #last = new Map(); // calls to their last event
  #count = 0;

  /** `canvas` is drawn on; `caption` says in words what it shows. */
  constructor(canvas, caption) {
    this.canvas = canvas;
    this.caption = caption;
  }

  clear() {
    [this.#times, this.#gaps, this.#count] = [[], [], 0];
    this.#last.clear();
  }

  /** An event of a call, at a time in milliseconds. */
  add(call, at) {
    const before = this.#last.get(call);
    this.#last.set(call, at);
    this.#count += 1;
    this.#times.push(at);
    this.#gaps.push(before === undefined ? null : Math.max(at - before, 0.01));
    if (this.#times.length > MOST) {
      this.#times.splice(0, MOST / 4);
      this.#gaps.splice(0, MOST / 4);
    }
  }

  /** Draws the time up to `now`, on the clock of the events. */
  draw(now) {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const ink = (name) => style.getPropertyValue(name).trim();
    const [left, right] = [44, width - 6];
    const shown = Math.min(Math.max(now - (this.#times[0] ?? now), LEAST_MS), MOST_MS);
    const from = now - shown;
    const x = (at) => left + ((at - from) / shown) * (right - left);
    const split = Math.round(height * 0.42);
    const rate = this.#drawRate(pen, ink, x, from, shown, { left, right, top: 6, bottom: split - 6 });
    this.#drawGaps(pen, ink, x, from, { left, right, top: split + 8, bottom: height - 6 });
    this.#describe(rate, from);
  }

  #drawRate(pen, ink, x, from, shown, box) {
    const step = shown / BUCKETS;
    const counts = new Array(BUCKETS).fill(0);
    for (const at of this.#times) {
      const index = Math.floor((at - from) / step);
      if (index >= 0 && index < BUCKETS) counts[index] += 1;
    }
    const rates = counts.map((count) => (count * 1000) / step);
    const top = nice(Math.max(...rates, 1));
    const y = (value) => box.bottom - (value / top) * (box.bottom - box.top);
    grid(pen, ink, box, [[y(top), `${top}/s`], [y(0), "0"]]);
    pen.fillStyle = ink("--north");
    rates.forEach((value, index) => {
      if (value > 0) pen.fillRect(x(from + index * step) + 0.5, y(value), Math.max(x(step) - x(0) - 1, 1), box.bottom - y(value));
    });
    return this.#times.filter((at) => at > from + shown - 1000).length;
  }

  #drawGaps(pen, ink, x, from, box) {
    const [least, most] = [DECADES[0], DECADES.at(-1)];
    const scale = (box.bottom - box.top) / Math.log(most / least);
    const y = (gap) => box.bottom - Math.log(Math.min(Math.max(gap, least), most) / least) * scale;
    grid(pen, ink, box, [[y(1), "1 ms"], [y(100), "100 ms"], [y(10_000), "10 s"]]);
    pen.fillStyle = ink("--south");
    for (let index = this.#times.length - 1; index >= 0 && this.#times[index] >= from; index -= 1) {
      const gap = this.#gaps[index];
      if (gap !== null) pen.fillRect(x(this.#times[index]) - 1.25, y(gap) - 1.25, 2.5, 2.5);
    }
  }

  #describe(rate, from) {
    const gaps = this.#gaps.filter((gap, index) => gap !== null && this.#times[index] >= from).sort((a, b) => a - b);
    const words = [`${this.#count} events`, `${rate} in the last second`];
    if (gaps.length > 1) {
      words.push(`gap p50 ${span(quantile(gaps, 0.5))}`, `p95 ${span(quantile(gaps, 0.95))}`, `most ${span(gaps.at(-1))}`);
    }
    this.caption.textContent = words.join(" · ");
  }
}

function grid(pen, ink, box, lines) {
  pen.font = FONT;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  for (const [y, label] of lines) {
    pen.strokeStyle = ink("--line");
    pen.beginPath();
    pen.moveTo(box.left, Math.round(y) + 0.5);
    pen.lineTo(box.right, Math.round(y) + 0.5);
    pen.stroke();
    pen.fillStyle = ink("--soft");
    pen.fillText(label, box.left - 6, y);
  }
}

/** The next number that is 1, 2 or 5 times a power of ten. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}
