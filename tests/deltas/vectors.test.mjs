// The shared vectors against the JavaScript module, and what is its own. Run by test_vectors.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

// The file is an ES module by how browsers load it, not by its name.
const source = readFileSync(process.env.DELTAS_MODULE);
const { applied, BOUNDS, Client, Document, PatchRefused, readPatch, URI } = await import(
  `data:text/javascript;base64,${source.toString("base64")}`
);
const vectors = JSON.parse(readFileSync(process.env.DELTAS_VECTORS, "utf8"));
const plain = (value) => JSON.parse(JSON.stringify(value));

for (const { name, document, patch, result, refused } of vectors.patches) {
  test(`patch: ${name}`, () => {
    if (!refused) {
      assert.deepEqual(plain(applied(document, patch)), plain(result));
      return;
    }
    const held = new Document();
    held.apply([{ op: "replace", path: "", value: document }]);
    assert.throws(() => held.apply(readPatch(patch)), PatchRefused);
    assert.deepEqual(plain(held.read()), document);
  });
}

function form(change) {
  if (change.type === "messageCompleted") return { type: change.type, messageId: change.message.messageId };
  if (change.type === "taskSeen") return { type: change.type, taskId: change.task.id };
  return plain(change);
}

for (const { name, events, changes } of vectors.streams) {
  test(`stream: ${name}`, () => {
    const client = new Client();
    assert.deepEqual(events.flatMap((event) => client.feed(event)).map(form), changes);
  });
}

const event = (ops, more = {}) => ({
  statusUpdate: {
    taskId: "t",
    contextId: "c",
    status: { state: "TASK_STATE_WORKING" },
    metadata: { [URI]: { message_id: "m", message_update: ops, ...more } },
  },
});

test("no prototype is reached through any path or value", () => {
  const hostile = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "parts": []}';
  const client = new Client();
  client.feed(event([{ op: "replace", path: "", value: JSON.parse(hostile) }]));
  for (const path of ["/__proto__/polluted", "/constructor/prototype/polluted", "/metadata/__proto__/polluted"]) {
    client.feed(event([{ op: "add", path, value: 1 }]));
  }
  client.feed(event([{ op: "add", path: "/metadata", value: JSON.parse('{"__proto__": {"polluted": 1}}') }]));
  assert.equal({}.polluted, undefined);
  assert.equal(Object.prototype.polluted, undefined);
});

test("ids that are names of Object are ids", () => {
  const client = new Client();
  const [delta] = client.feed(event([{ op: "replace", path: "", value: { parts: [{ text: "a" }] } }], { message_id: "__proto__" }));
  assert.equal(delta.messageId, "__proto__");
});

test("a draft has a bound in bytes, and stays as it was", () => {
  const held = new Document({ ...BOUNDS, draftBytes: 100 });
  held.apply([{ op: "replace", path: "", value: { t: "x".repeat(50) } }]);
  const grow = { op: "str_ins", path: "/t", value: "y".repeat(60) };
  assert.throws(() => held.apply([{ op: "str_ins", path: "/t", value: "z" }, grow]), PatchRefused);
  assert.equal(held.read("t"), "x".repeat(50));
});

test("a patch has a bound in work", () => {
  const held = new Document({ ...BOUNDS, workBytes: 1000 });
  held.apply([{ op: "replace", path: "", value: { t: "x".repeat(400) } }]);
  const copy = { op: "copy", source: "/t", path: "/u" };
  assert.throws(() => held.apply([copy, copy, copy]), PatchRefused);
});

test("what the agent sent is not changed", () => {
  const value = { message_id: "m", parts: [{ text: "a" }] };
  const client = new Client();
  client.feed(event([{ op: "replace", path: "", value }]));
  client.feed(event([{ op: "str_ins", path: "/parts/0/text", pos: 1, value: "b" }]));
  assert.deepEqual(value, { message_id: "m", parts: [{ text: "a" }] });
});
