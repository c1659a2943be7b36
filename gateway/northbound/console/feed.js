// The gateway's feed of frames, for as long as it is wanted; it comes back by itself.

import { eventsOf } from "./sse.js";

const AGAIN_MS = 2000;

export class Feed {
  /** closed, opening, open or refused */
  state = "closed";
  reason = "";
  processes = 1;
  #abort = null;
  #opened = [];

  /** `on` has frame(frame), missed(count), state(). */
  constructor(url, on) {
    this.url = url;
    this.on = on;
  }

  open() {
    if (this.#abort) return;
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  close() {
    this.#abort?.abort();
    this.#abort = null;
    this.#become("closed");
  }

  /** Resolves once frames are shown, or after a moment: nothing waits for a feed that does not come. */
  ready(withinMs = 400) {
    if (this.state !== "opening") return Promise.resolve();
    return new Promise((resolve) => {
      this.#opened.push(resolve);
      setTimeout(resolve, withinMs);
    });
  }

  async #run(signal) {
    while (!signal.aborted) {
      this.#become("opening");
      try {
        const response = await fetch(this.url, { signal, cache: "no-store", headers: { accept: "text/event-stream" } });
        if (!response.ok) {
          this.reason = (await response.text()).trim();
          this.#become("refused");
        } else {
          for await (const { event, data } of eventsOf(response)) this.#took(event, data);
          this.#become("closed");
        }
      } catch {
        if (signal.aborted) return;
        this.#become("closed");
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  #took(event, data) {
    if (event === "watching") {
      this.processes = JSON.parse(data).processes;
      this.#become("open");
    } else if (event === "frame") this.on.frame(JSON.parse(data));
    else if (event === "missed") this.on.missed(JSON.parse(data).frames);
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    if (state !== "opening") {
      for (const resolve of this.#opened) resolve();
      this.#opened = [];
    }
    this.on.state();
  }
}
