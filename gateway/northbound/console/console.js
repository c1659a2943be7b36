// The page: agents, one conversation, the wire; kept across reloads in this tab's session.

import { Agent } from "./a2a.js";
import { agentList, cardElements, catalogue } from "./cards.js";
import { ChatView, stateWords } from "./chatview.js";
import { Conversation } from "./conversation.js";
import { byId, bytes, make, onceAFrame, save, spelled } from "./dom.js";
import { isWaiting } from "./transcript.js";
import { WireView } from "./wireview.js";

const ROOT = new URL(".", document.baseURI);
const KEPT = "a2a-gateway-console";
const KEPT_MOST = 2_000_000; // characters; browsers give a tab five million
const SAVE_EVERY_MS = 1000;
const MOST_FILE_BYTES = 4 * 1024 * 1024;

const log = byId("log");
let stickToEnd = true;
const scroll = onceAFrame(() => {
  if (stickToEnd) log.scrollTop = log.scrollHeight;
});
log.addEventListener("scroll", () => {
  stickToEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
});

const view = new ChatView(log, byId("live"), scroll);
const wire = new WireView(ROOT);
const binding = byId("binding");
let agents = [];
let conversation = null;
let files = [];
let saving = 0;

// --- agents ---

async function showAgents() {
  try {
    agents = await catalogue(ROOT);
  } catch (error) {
    byId("agent-list").replaceChildren(make("li", { class: "odd" }, `The catalogue cannot be had: ${spelled(error.message)}`));
    return;
  }
  showList();
  if (agents.length === 0) byId("agent-list").replaceChildren(make("li", { class: "odd" }, "This gateway has no agent."));
}

function showList() {
  byId("agent-list").replaceChildren(...agentList(agents, conversation?.name, choose));
}

async function showCard(name) {
  const box = byId("card");
  box.replaceChildren(make("p", { class: "soft" }, "Reading the card"));
  try {
    const card = await new Agent(new URL(`${encodeURIComponent(name)}/`, ROOT).href).card();
    if (conversation.name === name) box.replaceChildren(...cardElements(card, ask));
  } catch (error) {
    const words = [make("strong", {}, spelled(error.reason ?? "Not reached")), " ", spelled(error.message)];
    if (conversation.name === name) box.replaceChildren(make("p", { class: "odd" }, ...words));
  }
}

function ask(example) {
  byId("text").value = example;
  fit();
  showPane("chat");
  byId("text").focus();
}

function choose(name) {
  begin(name);
  showPane("chat");
  byId("text").focus();
}

// --- the conversation ---

function begin(name) {
  conversation?.stop();
  view.clear();
  stickToEnd = true;
  conversation = new Conversation({
    root: ROOT,
    agent: name,
    binding: binding.value,
    view,
    onChange: onceAFrame(showTask),
    onCall: (call) => wire.owns(call),
  });
  log.append(make("p", { class: "empty" }, "Say something to ", make("strong", {}, spelled(name)), ". The answer grows here as it comes."));
  byId("chat-title").textContent = spelled(name);
  showList();
  showCard(name);
  showTask();
  return conversation;
}

function showTask() {
  const { task, doing } = conversation;
  const state = byId("task-state");
  state.hidden = task.state === "";
  if (task.state) [state.textContent, state.dataset.tone] = stateWords(task.state);
  byId("task-id").textContent = task.id ? spelled(task.id) : "";
  byId("task-id").title = task.id ? `Task ${spelled(task.id)}` : "";
  const waits = isWaiting(task.state);
  byId("text-label").textContent = waits ? "Answer" : "Message";
  byId("text").placeholder = waits ? "Answer the agent" : "Message";
  byId("send").textContent = waits ? "Answer" : "Send";
  byId("send").disabled = conversation.isBusy && !waits;
  byId("cancel").hidden = !conversation.canCancel;
  byId("cancel").textContent = doing === "sending" && !task.id ? "Stop waiting" : "Cancel task";
  byId("record").disabled = conversation.recording.lines.length === 0;
  log.setAttribute("aria-busy", String(conversation.isBusy));
  const banner = byId("banner");
  banner.hidden = doing !== "waiting";
  if (doing === "waiting") byId("banner-text").textContent = "The connection is lost; the task goes on. Coming back by itself.";
  const hash = new URLSearchParams({ agent: conversation.name, ...(task.id && { task: task.id }) });
  if (location.hash.slice(1) !== hash.toString()) history.replaceState(null, "", `#${hash}`);
  if (conversation.unsent) {
    byId("text").value ||= conversation.unsent.find((part) => part.text)?.text ?? "";
    conversation.unsent = null;
    fit();
  }
  if (!saving) saving = setTimeout(keep, SAVE_EVERY_MS);
}

async function send() {
  const text = byId("text").value;
  const waits = isWaiting(conversation.task.state);
  if ((!text.trim() && files.length === 0) || (conversation.isBusy && !waits)) return;
  const parts = text.trim() ? [{ text }] : [];
  for (const file of files) parts.push(file.part);
  byId("text").value = "";
  files = [];
  showFiles();
  fit();
  log.querySelector(".empty")?.remove();
  stickToEnd = true;
  await wire.feed.ready();
  await conversation.send(parts);
}

// --- reloads ---

function keep() {
  clearTimeout(saving);
  saving = 0;
  if (!conversation) return;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(conversation.kept(KEPT_MOST)));
  } catch {
    sessionStorage.removeItem(KEPT); // it is full, or not there: the address still names the task
  }
}

function remembered() {
  const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    // Nothing of ours.
  }
  const named = wanted.agent ? { agent: wanted.agent, taskId: wanted.task ?? "", contextId: "", cursor: "", lines: null } : null;
  if (kept && typeof kept.agent === "string" && (!named || (kept.agent === named.agent && kept.taskId === named.taskId))) return kept;
  return named;
}

async function restore() {
  const kept = remembered();
  const known = kept && agents.some((agent) => agent.name === kept.agent);
  const name = known ? kept.agent : agents[0]?.name;
  if (name === undefined) return;
  if (known && kept.binding) binding.value = kept.binding;
  begin(name);
  if (!known || (!kept.taskId && !kept.lines?.length)) return;
  log.querySelector(".empty")?.remove();
  const goesOn = conversation.restore(kept);
  showTask();
  await wire.feed.ready();
  if (goesOn) await conversation.resume(kept.taskId);
}

// --- the composer ---

function fit() {
  const text = byId("text");
  text.rows = Math.min(Math.max(text.value.split("\n").length, 2), 8);
}

function showFiles() {
  const list = byId("files");
  list.hidden = files.length === 0;
  list.replaceChildren(
    ...files.map((file) => {
      const drop = () => {
        files = files.filter((one) => one !== file);
        showFiles();
      };
      const label = `Do not send ${spelled(file.part.filename)}`;
      return make("li", {}, `${spelled(file.part.filename)} ${file.size} `, make("button", { type: "button", class: "plain", "aria-label": label, onclick: drop }, "Remove"));
    }),
  );
}

async function attach(chosen) {
  for (const file of chosen) {
    if (file.size > MOST_FILE_BYTES) {
      conversation.transcript.note("error", `${file.name} is over ${bytes(MOST_FILE_BYTES)}.`, "Not attached");
      continue;
    }
    const raw = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < raw.length; at += 8192) text += String.fromCharCode(...raw.subarray(at, at + 8192));
    const part = { raw: btoa(text), filename: file.name, mediaType: file.type || "application/octet-stream" };
    files.push({ part, size: bytes(file.size) });
  }
  showFiles();
}

// --- panes, and what is pressed ---

function showPane(name) {
  document.body.dataset.pane = name;
  for (const button of byId("panes").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.pane === name));
  }
}

byId("panes").addEventListener("click", (event) => {
  const name = event.target.dataset?.pane;
  if (name) showPane(name);
});
byId("say").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape" && !byId("cancel").hidden) {
    byId("cancel").focus();
  }
});
byId("text").addEventListener("input", fit);
byId("attach").addEventListener("change", async (event) => {
  await attach([...event.target.files]);
  event.target.value = "";
});
binding.addEventListener("change", () => {
  if (conversation && !conversation.isBusy) conversation.speak(binding.value);
});
byId("cancel").addEventListener("click", () => {
  conversation.cancel();
  byId("text").focus();
});
byId("cancel").addEventListener("keydown", (event) => {
  if (event.key === "Escape") byId("text").focus();
});
byId("hurry").addEventListener("click", () => conversation.hurry());
byId("fresh").addEventListener("click", () => {
  if (conversation) choose(conversation.name);
  keep();
});
byId("record").addEventListener("click", () => {
  const name = `${conversation.name}-${conversation.task.id.slice(0, 8) || "message"}.jsonl`;
  save(name.replace(/[^\w.-]/g, "_"), new Blob([conversation.recording.text()], { type: "application/jsonl" }));
});
addEventListener("online", () => conversation?.hurry());
addEventListener("pagehide", keep);
addEventListener("hashchange", () => {
  const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const { name, task } = conversation ?? { name: "", task: { id: "" } };
  if (wanted.agent && (wanted.agent !== name || (wanted.task ?? "") !== task.id)) restore();
});

showPane("chat");
wire.open();
await showAgents();
await restore();
