// Which frames of the two sides are the same event. Pure.
//
// Frames of a call come in runs: what arrived, then what left because of it. Within a run they are
// paired from its end, so that what was gathered or held back stands beside what it became.

const OPPOSITE = { request: "northbound", response: "southbound" };
/** The side that a frame of a direction arrives at. */

export class Pairing {
  rows = [];
  /** How many frames there are of each side's answers, and their bytes. */
  totals = { southbound: { frames: 0, bytes: 0 }, northbound: { frames: 0, bytes: 0 } };
  #runs = new Map(); // calls to the run that is open
  #lastAt = new Map(); // calls to when the last event crossed
  #dropped = 0;

  constructor(most = 600) {
    this.most = most;
  }

  /** How many rows were let go of, the oldest first. */
  get dropped() {
    return this.#dropped;
  }

  /** Takes a frame of the feed; gives the rows that are new or changed. */
  take(frame) {
    if (frame.direction === "response") {
      this.totals[frame.side].frames += 1;
      this.totals[frame.side].bytes += frame.bytes;
    }
    const arrives = OPPOSITE[frame.direction] === frame.side;
    let run = this.#runs.get(frame.call);
    if (!run || run.direction !== frame.direction || (arrives && run.left.length > 0)) {
      run = { call: frame.call, direction: frame.direction, arrived: [], left: [], rows: [], lastAt: this.#lastAt.get(frame.call) };
      this.#runs.set(frame.call, run);
    }
    (arrives ? run.arrived : run.left).push(frame);
    if (frame.direction === "response") this.#lastAt.set(frame.call, frame.at);
    return this.#lay(run);
  }

  /** A note between rows: so many frames are not shown. */
  miss(frames) {
    const row = { missed: frames };
    this.#push(row);
    return row;
  }

  #lay(run) {
    const [arrived, left] = [run.arrived.length, run.left.length];
    const count = Math.max(arrived, left);
    while (run.rows.length < count) {
      const row = { call: run.call, direction: run.direction, arrived: null, left: null, gap: null };
      run.rows.push(row);
      this.#push(row);
    }
    const changed = [];
    let before = run.lastAt;
    run.rows.forEach((row, at) => {
      const one = run.arrived[at] ?? null;
      const other = run.left[at - Math.max(arrived - left, 0)] ?? null;
      const when = (other ?? one).at;
      const gap = run.direction === "response" && before !== undefined ? Math.max(when - before, 0) : null;
      if (run.direction === "response") before = when;
      if (row.arrived !== one || row.left !== other) {
        [row.arrived, row.left, row.gap] = [one, other, gap];
        changed.push(row);
      }
    });
    return changed;
  }

  #push(row) {
    this.rows.push(row);
    if (this.rows.length > this.most) {
      this.rows.shift();
      this.#dropped += 1;
    }
  }
}

/** The frames of a row by side, whichever way it went. */
export function sides(row) {
  const [south, north] = row.direction === "response" ? [row.arrived, row.left] : [row.left, row.arrived];
  return { south, north };
}

/** The cursor that an SSE frame names; empty where it names none. */
export function cursorOf(frame) {
  return frame?.binding === "GRPC" ? "" : (/^id: (.*)$/m.exec(frame?.text?.slice(0, 400) ?? "")?.[1] ?? "");
}

/** Gaps in order of size, for quantiles. */
export function quantile(sorted, q) {
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
