// The console's modules that know no page, under `node --test`; CONSOLE is the folder that they are in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.env.CONSOLE}/${name}.js`));
const { SseReader } = await load("sse");
const { Pairing, cursorOf, quantile, sides } = await load("pairing");
const { indented } = await load("indent");
const { summary } = await load("summary");
const { Transcript, RESUME } = await load("transcript");
const { Recording } = await load("recording");
const { BINDINGS, A2AError } = await load("a2a");
const { URI } = await load("deltas");

// --- events ---

const STREAM = ': hi\r\nid: 1\nevent: error\ndata: {"a":\ndata: 1}\n\nretry: 250\ndata:x\n\nid:\ndata: y\n\ndata: cut';

function read(pieces) {
  const reader = new SseReader();
  return [pieces.flatMap((piece) => [...reader.feed(piece)]), reader];
}

test("events are the same however the text is cut", () => {
  const wanted = [
    { event: "error", data: '{"a":\n1}', id: "1" },
    { retry: 250 },
    { event: "message", data: "x", id: "1" },
    { event: "message", data: "y", id: "" },
  ];
  for (let at = 0; at <= STREAM.length; at += 1) {
    assert.deepEqual(read([STREAM.slice(0, at), STREAM.slice(at)])[0], wanted, `cut at ${at}`);
  }
  assert.deepEqual(read([...STREAM])[0], wanted);
});

test("a stream that ends inside an event was cut", () => {
  assert.equal(read([STREAM])[1].pending, true);
  assert.equal(read(["data: x\n"])[1].pending, true);
  assert.equal(read(["data: x\n\n"])[1].pending, false);
  assert.equal(read([": keep-alive\n"])[1].pending, false);
});

test("an event without an end is not believed for ever", () => {
  const reader = new SseReader();
  const piece = "x".repeat(1024 * 1024);
  assert.throws(() => {
    for (let count = 0; count < 20; count += 1) [...reader.feed(count ? piece : `data: ${piece}`)];
  }, RangeError);
});

// --- pairs ---

let clock = 0;
const frame = (side, direction, text, call = "c") => ({ side, direction, text, call, at: (clock += 5), bytes: text.length, binding: "JSONRPC" });
const south = (text, call) => frame("southbound", "response", text, call);
const north = (text, call) => frame("northbound", "response", text, call);

function paired(...frames) {
  const pairing = new Pairing();
  for (const one of frames) pairing.take(one);
  return pairing.rows.map((row) => {
    const { south: left, north: right } = sides(row);
    return `${left?.text ?? "-"}|${right?.text ?? "-"}`;
  });
}

test("an event stands beside what it became", () => {
  assert.deepEqual(paired(south("a"), north("A"), south("b"), north("B")), ["a|A", "b|B"]);
});

test("a burst is paired one by one", () => {
  assert.deepEqual(paired(south("a"), south("b"), north("A"), north("B"), south("c"), north("C")), ["a|A", "b|B", "c|C"]);
});

test("what was gathered stands at the end of what it was gathered from", () => {
  assert.deepEqual(paired(south("a"), south("b"), south("c"), north("ABC")), ["a|-", "b|-", "c|ABC"]);
});

test("what one event became stands below it", () => {
  assert.deepEqual(paired(south("a"), north("A1"), north("A2")), ["a|A1", "-|A2"]);
});

test("events of the gateway's own stand alone", () => {
  assert.deepEqual(paired(north("A"), north("B")), ["-|A", "-|B"]);
});

test("calls do not mix", () => {
  assert.deepEqual(paired(south("a", "1"), south("x", "2"), north("X", "2"), north("A", "1")), ["a|A", "x|X"]);
});

test("a request goes the other way", () => {
  const pairing = new Pairing();
  pairing.take(frame("northbound", "request", "ask"));
  pairing.take(frame("southbound", "request", "asked"));
  pairing.take(south("a"));
  assert.deepEqual(pairing.rows.map((row) => row.direction), ["request", "response"]);
  assert.deepEqual(sides(pairing.rows[0]).south.text, "asked");
});

test("gaps are between events of one call, and rows are bounded", () => {
  const pairing = new Pairing(3);
  for (const name of ["a", "b", "c", "d", "e"]) {
    pairing.take(south(name));
    pairing.take(north(name));
  }
  assert.equal(pairing.rows.length, 3);
  assert.equal(pairing.dropped, 2);
  assert.deepEqual(pairing.rows.map((row) => row.gap), [10, 10, 10]);
  assert.deepEqual(pairing.totals.northbound, { frames: 5, bytes: 5 });
});

test("a cursor is read from a frame's head, and from no other place", () => {
  assert.equal(cursorOf({ binding: "JSONRPC", text: "id: x-1-2\ndata: {}\n\n" }), "x-1-2");
  assert.equal(cursorOf({ binding: "JSONRPC", text: 'data: {"id": 1}\n\n' }), "");
  assert.equal(cursorOf({ binding: "GRPC", text: "id: x" }), "");
  assert.equal(cursorOf(null), "");
});

test("quantiles", () => {
  assert.deepEqual([quantile([], 0.5), quantile([7], 0.95), quantile([1, 2, 3, 4], 0.5)], [null, 7, 3]);
});

// --- text ---

test("JSON is laid out without being changed", () => {
  const text = 'data: {"a":12345678901234567890,"b":[],"c":{ },"a":"x: {\\" ,","d":[1,{"e":null}]}\n\n';
  const laid = indented(text);
  assert.equal(laid.replace(/\s/g, ""), text.replace(/\s/g, ""));
  assert.match(laid, /^data: \{\n {2}"a": 12345678901234567890,\n {2}"b": \[\],\n {2}"c": \{\},\n/);
});

test("what is no JSON comes back whole and in no time", () => {
  for (const text of ["", "plain", "{".repeat(100_000), '{"a":"never closed', "]]]}{", ": comment"]) {
    assert.equal(indented(text).replace(/\s/g, ""), text.replace(/\s/g, ""));
  }
});

// --- gists ---

const gist = (value, binding = "JSONRPC") => {
  const said = summary({ binding, text: typeof value === "string" ? value : JSON.stringify(value) });
  return said && `${said.kind} ${said.text}`.trim();
};

test("the gist of frames of every binding and version", () => {
  const update = { artifactUpdate: { artifact: { parts: [{ text: "hi " }] }, lastChunk: true } };
  const table = [
    [update, 'artifact "hi " last'],
    [`id: 1\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: 1, result: update })}\n\n`, 'artifact "hi " last'],
    [{ method: "SendStreamingMessage", params: { message: { parts: [{ text: "x" }] } } }, 'SendStreamingMessage "x"'],
    [{ method: "CancelTask", params: { id: "t" } }, "CancelTask"],
    [{ statusUpdate: { status: { state: "TASK_STATE_INPUT_REQUIRED", message: { parts: [{ text: "?" }] } } } }, 'status input required "?"'],
    [{ result: { kind: "status-update", status: { state: "working" } } }, "status working"],
    [{ kind: "task", status: { state: "submitted" } }, "task submitted"],
    [{ msg: { content: [{ text: "old" }] } }, 'message "old"'],
    [{ error: { code: -32001, message: "No", data: [{ reason: "TASK_NOT_FOUND" }] } }, "error TASK_NOT_FOUND: No"],
    [{ code: 5, message: "No", details: [{ reason: "TASK_NOT_FOUND" }] }, "error TASK_NOT_FOUND: No"],
    [{ statusUpdate: { metadata: { [URI]: { message_update: [{ op: "str_ins", path: "/parts/0/text", value: "w" }] } } } }, 'status str_ins "w"'],
    [{ statusUpdate: { metadata: { [URI]: { message_update: [{ op: "replace", path: "", value: { parts: [{ text: "w" }] } }] } } } }, 'status replace "w"'],
    ['"token "', 'text "token "'],
    [{ chunk: { parts: [{ text: "c" }] } }, 'chunk "c"'],
    [{ ask: { message: "which?" } }, 'ask "which?"'],
    [{ text: "of another service" }, null],
    ["not JSON", null],
    [{ kind: "constructor" }, null],
    ["[1]", null],
  ];
  for (const [value, wanted] of table) assert.equal(gist(value), wanted, JSON.stringify(value));
});

// --- conversations ---

function shown(...events) {
  const view = { calls: [] };
  for (const name of ["added", "grew", "part", "replaced", "status"]) view[name] = (...given) => view.calls.push([name, ...given]);
  const transcript = new Transcript(view);
  for (const event of events) transcript.take(event);
  return [transcript, view];
}

const outline = (transcript) =>
  transcript.blocks.map((block) => block.parts?.map((part) => part.text).join("|") ?? block.state ?? `${block.tone}: ${block.text}`);
const task = (state, more = {}) => ({ task: { id: "t", contextId: "c", status: { state }, ...more } });
const piece = (text, append = true) => ({ artifactUpdate: { taskId: "t", artifact: { artifactId: "a", parts: [{ text }] }, append } });
const status = (state) => ({ statusUpdate: { taskId: "t", status: { state } } });

test("appended text lengthens one part, and the view is told only of what is new", () => {
  const [transcript, view] = shown(task("TASK_STATE_WORKING"), piece("a", false), piece("b"), piece("c"));
  assert.deepEqual(outline(transcript), ["TASK_STATE_WORKING", "abc"]);
  assert.deepEqual(view.calls.filter(([name]) => name === "grew").map((call) => call.at(-1)), ["b", "c"]);
});

test("a snapshot that says what is known already changes nothing", () => {
  const artifacts = [{ artifactId: "a", parts: [{ text: "ab" }] }];
  const [transcript] = shown(task("TASK_STATE_WORKING"), piece("a", false), piece("b"), task("TASK_STATE_WORKING", { artifacts }));
  assert.deepEqual(outline(transcript), ["TASK_STATE_WORKING", "ab"]);
});

test("a snapshot that says more adds what is missing, and one that says other replaces", () => {
  const snapshot = (...texts) => task("TASK_STATE_WORKING", { artifacts: [{ artifactId: "a", parts: texts.map((text) => ({ text })) }] });
  assert.deepEqual(outline(shown(piece("a", false), snapshot("ab", "c"))[0]), ["abc", "TASK_STATE_WORKING"]);
  assert.deepEqual(outline(shown(piece("x", false), snapshot("ab"))[0]), ["ab", "TASK_STATE_WORKING"]);
});

test("messages of a history are shown once", () => {
  const history = [{ messageId: "1", role: "ROLE_USER", parts: [{ text: "q" }] }, { messageId: "2", role: "ROLE_AGENT", parts: [{ text: "a" }] }];
  const [transcript] = shown(task("TASK_STATE_WORKING", { history }), task("TASK_STATE_WORKING", { history }));
  assert.deepEqual(outline(transcript), ["q", "a", "TASK_STATE_WORKING"]);
});

test("a gap is told", () => {
  const [transcript] = shown(task("TASK_STATE_WORKING", { metadata: { [RESUME]: { gap: "expired" } } }));
  assert.match(outline(transcript)[0], /^gap: .*no longer kept/);
});

test("names that objects have are names like others", () => {
  const artifact = (artifactId) => ({ artifactUpdate: { taskId: "t", artifact: { artifactId, parts: [{ text: artifactId }] } } });
  const message = JSON.parse('{"message": {"messageId": "__proto__", "parts": [{"text": "x", "__proto__": {"y": 1}}]}}');
  const [transcript] = shown(artifact("__proto__"), artifact("constructor"), artifact("toString"));
  assert.deepEqual(outline(transcript), ["__proto__", "constructor", "toString"]);
  assert.deepEqual(outline(shown(message)[0]), ["x"]);
  assert.equal({}.y, undefined);
});

test("a task that follows another keeps the context and nothing else", () => {
  const [transcript] = shown(task("TASK_STATE_WORKING"), piece("a", false), status("TASK_STATE_COMPLETED"));
  transcript.say({ messageId: "m", parts: [{ text: "more" }] });
  assert.deepEqual(transcript.task, { id: "", contextId: "c", state: "" });
  transcript.take({ task: { id: "t2", contextId: "c", status: { state: "TASK_STATE_WORKING" } } });
  transcript.take({ artifactUpdate: { taskId: "t2", artifact: { artifactId: "a", parts: [{ text: "b" }] } } });
  assert.deepEqual(outline(transcript).slice(-3), ["more", "TASK_STATE_WORKING", "b"]);
});

// --- recordings ---

test("a recording is its newest task, in time from its beginning", () => {
  let now = 1000;
  const recording = new Recording("poet", () => now);
  const tick = (work) => {
    now += 10;
    work();
  };
  tick(() => recording.asked({ message: { messageId: "1" } }));
  tick(() => recording.came(status("TASK_STATE_COMPLETED")));
  tick(() => recording.ended());
  tick(() => recording.asked({ message: { messageId: "2" } }));
  tick(() => recording.came({ task: {} }, "c-1"));
  tick(() => recording.asked({ message: { messageId: "3", taskId: "t" } }));
  tick(() => recording.ended(new A2AError("TASK_NOT_FOUND", "No", -32001)));
  assert.deepEqual(
    recording.text().trimEnd().split("\n").map((line) => JSON.parse(line)),
    [
      { recording: "a2a", version: 1, agent: "poet", operation: "SendStreamingMessage", protocol: "1.0" },
      { at: 0, request: { message: { messageId: "2" } } },
      { at: 10, event: { task: {} }, cursor: "c-1" },
      { at: 20, request: { message: { messageId: "3", taskId: "t" } } },
      { at: 30, error: { reason: "TASK_NOT_FOUND", message: "No" } },
    ],
  );
});

// --- errors ---

test("an error keeps its reason on both bindings", () => {
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "TASK_NOT_FOUND", domain: "a2a-protocol.org" }];
  const table = [
    ["JSONRPC", { error: { code: -32001, message: "No", data: details } }, "TASK_NOT_FOUND"],
    ["JSONRPC", { error: { code: -32001, message: "No" } }, "error -32001"],
    ["HTTP+JSON", { error: { code: 404, status: "NOT_FOUND", message: "No", details } }, "TASK_NOT_FOUND"],
    ["HTTP+JSON", { error: { code: 404, status: "NOT_FOUND", message: "No" } }, "NOT_FOUND"],
  ];
  for (const [binding, answer, reason] of table) {
    assert.throws(() => BINDINGS[binding].result(answer), (error) => error instanceof A2AError && error.reason === reason && error.message === "No");
  }
});
