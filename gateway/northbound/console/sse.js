// Server-Sent Events from text that comes in pieces (WHATWG HTML section 9.2). Pure.

/** The most characters of one event; a peer that goes on and on is not believed. */
const MOST = 16 * 1024 * 1024;

export class SseReader {
  #rest = "";
  #data = [];
  #size = 0;
  #event = "";
  #id = "";

  /** The last `id:` that was said: where a reader that comes back goes on. */
  get id() {
    return this.#id;
  }

  /** Whether an event has begun and not ended: a stream that ends so was cut. */
  get pending() {
    return this.#rest !== "" || this.#data.length > 0;
  }

  /** What a piece of text completes: `{event, data, id}`, or `{retry}` in milliseconds. Throws RangeError. */
  *feed(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    this.#bound(this.#rest.length);
    for (const given of lines) {
      const line = given.endsWith("\r") ? given.slice(0, -1) : given;
      if (line === "") {
        if (this.#data.length > 0) yield { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
        [this.#data, this.#size, this.#event] = [[], 0, ""];
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (name === "data") {
        this.#size += value.length;
        this.#bound(this.#size);
        this.#data.push(value);
      } else if (name === "event") {
        this.#event = value;
      } else if (name === "id" && !value.includes("\0")) {
        this.#id = value;
      } else if (name === "retry" && /^[0-9]{1,6}$/.test(value)) {
        yield { retry: Number(value) };
      }
    }
  }

  #bound(size) {
    if (size > MOST) throw new RangeError(`an event of over ${MOST} characters`);
  }
}

/** The events of a fetched response as they come. `reader` is made here unless it is given. */
export async function* eventsOf(response, reader = new SseReader()) {
  const decoder = new TextDecoder();
  const body = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await body.read();
      if (done) return;
      yield* reader.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    body.cancel().catch(() => {});
  }
}
