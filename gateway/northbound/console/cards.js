// The agents of the gateway: a list to choose from, and the card of the one that is chosen.

import { make, spelled } from "./dom.js";

/** The agents by name: `{name, available}`. */
export async function catalogue(root) {
  const response = await fetch(new URL(".well-known/agent-cards.json", root), { cache: "no-store" });
  if (!response.ok) throw new Error((await response.text()).trim() || `HTTP ${response.status}`);
  const rows = await response.json();
  return rows.map(({ name, available }) => ({ name, available: available === true }));
}

/** The list; `choose` is called with a name. */
export function agentList(agents, current, choose) {
  return agents.map(({ name, available }) =>
    make(
      "li",
      {},
      make(
        "button",
        { type: "button", "aria-current": name === current ? "true" : null, onclick: () => choose(name) },
        make("span", { class: "mark", "data-tone": available ? "good" : "bad" }),
        make("span", { class: "name" }, spelled(name)),
        available ? null : make("span", { class: "away" }, "not reached"),
      ),
    ),
  );
}

/** The card in sections; `ask` is called with an example. */
export function cardElements(card, ask) {
  const capabilities = card.capabilities ?? {};
  const can = [
    capabilities.streaming && "streaming",
    capabilities.pushNotifications && "push notifications",
    capabilities.extendedAgentCard && "extended card",
    (card.signatures ?? []).length > 0 && "signed",
  ].filter(Boolean);
  return [
    make("p", { class: "title" }, spelled(card.name ?? ""), " ", make("span", { class: "soft" }, spelled(card.version ?? ""))),
    make("p", { class: "description" }, spelled(card.description ?? "")),
    pairs([
      ["Provider", card.provider?.organization],
      ["Does", can.join(", ")],
      ["Takes", (card.defaultInputModes ?? []).join(", ")],
      ["Gives", (card.defaultOutputModes ?? []).join(", ")],
      ["Secured by", Object.keys(card.securitySchemes ?? {}).join(", ")],
    ]),
    section("Skills", (card.skills ?? []).map((skill) => skillElement(skill, ask))),
    section("Interfaces", (card.supportedInterfaces ?? []).map(interfaceElement)),
    section("Extensions", (capabilities.extensions ?? []).map((one) => make("li", {}, make("code", {}, spelled(one.uri ?? ""))))),
    make(
      "details",
      { class: "raw" },
      make("summary", {}, "The card as JSON"),
      make("pre", { tabindex: "0", "aria-label": "Agent card as JSON" }, spelled(JSON.stringify(card, null, 2))),
    ),
  ];
}

function skillElement(skill, ask) {
  const examples = (skill.examples ?? []).slice(0, 4).map((example) =>
    make("button", { type: "button", class: "example", onclick: () => ask(String(example)) }, spelled(example)),
  );
  const description = skill.description && skill.description !== skill.name ? make("p", { class: "soft" }, spelled(skill.description)) : null;
  return make("li", {}, make("strong", {}, spelled(skill.name || skill.id)), description, ...examples);
}

function interfaceElement(one) {
  const kind = `${spelled(one.protocolBinding ?? "")} ${spelled(one.protocolVersion ?? "")}`;
  const tenant = one.tenant ? ` tenant ${spelled(one.tenant)}` : "";
  return make("li", {}, make("span", { class: "kind" }, kind), " ", make("code", {}, spelled(one.url ?? "")), tenant);
}

function pairs(rows) {
  const list = make("dl", {});
  for (const [name, value] of rows) if (value) list.append(make("dt", {}, name), make("dd", {}, spelled(value)));
  return list;
}

function section(title, items) {
  return items.length === 0 ? "" : make("details", { open: title === "Skills" }, make("summary", {}, `${title} `, make("span", { class: "count" }, String(items.length))), make("ul", {}, ...items));
}
