// The parts of messages and artifacts as what they are: text, files, links, data. Nothing is fetched.

import { bytes, make, spelled } from "./dom.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const MOST_SHOWN = 200_000;

/** The element of one part; of text it has one text node, which grows by `appendData`. */
export function partElement(part) {
  if (typeof part.text === "string") return textElement(part);
  if (typeof part.raw === "string") return fileElement(part);
  if (typeof part.url === "string") return linkElement(part);
  if (Object.hasOwn(part, "data")) return dataElement(part);
  return make("p", { class: "odd" }, "An empty part.");
}

function textElement(part) {
  const element = make("div", { class: "text" });
  element.append(document.createTextNode(part.text));
  const label = labelOf(part, "text/plain");
  return label ? make("div", { class: "part" }, make("p", { class: "label" }, label), element) : element;
}

function fileElement(part) {
  const raw = decoded(part.raw);
  if (raw === null) return make("p", { class: "odd" }, "A file whose content is no base64.");
  const name = part.filename || "file";
  const type = (part.mediaType ?? "").split(";")[0].trim().toLowerCase();
  const element = make("figure", { class: "file" });
  if (IMAGES.has(type)) {
    const image = make("img", { alt: `Image ${spelled(name)}` });
    showBlob(image, "src", new Blob([raw], { type }));
    element.append(image);
  }
  const link = make("a", { class: "download", download: fileName(name) }, spelled(name));
  // Never a type that a browser would run in this page's origin.
  showBlob(link, "href", new Blob([raw], { type: "application/octet-stream" }));
  element.append(make("figcaption", {}, link, ` ${spelled(type || "unknown type")}, ${bytes(raw.length)}`));
  return element;
}

function linkElement(part) {
  const name = spelled(part.filename || part.url);
  let safe = null;
  try {
    const url = new URL(part.url);
    if (url.protocol === "https:" || url.protocol === "http:") safe = url.href;
  } catch {
    // What is no URL leads nowhere.
  }
  const about = part.mediaType ? ` ${spelled(part.mediaType)}` : "";
  if (safe === null) {
    return make("p", { class: "file" }, make("code", {}, spelled(part.url.slice(0, 500))), `${about}, an address that is not opened`);
  }
  const link = make("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, name);
  return make("p", { class: "file" }, link, `${about}, at ${spelled(new URL(safe).host)}`);
}

function dataElement(part) {
  const text = JSON.stringify(part.data, null, 2) ?? "null";
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}\n… ${bytes(text.length)} in all` : text;
  const size = Array.isArray(part.data)
    ? `${part.data.length} items`
    : part.data !== null && typeof part.data === "object"
      ? `${Object.keys(part.data).length} members`
      : typeof part.data;
  const label = [labelOf(part, "") || "application/json", size].join(", ");
  const pre = make("pre", { tabindex: "0", "aria-label": "Data as JSON" }, spelled(shown));
  return make("details", { class: "data", open: text.length < 2000 }, make("summary", {}, `Data: ${label}`), pre);
}

function labelOf(part, usual) {
  return [part.filename, part.mediaType === usual ? "" : part.mediaType].filter(Boolean).map(spelled).join(", ");
}

function fileName(name) {
  return name.replace(/[\u0000-\u001f\u007f/\\:*?"<>|\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069]/g, "_").slice(-120) || "file";
}

function decoded(base64) {
  try {
    const text = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Gives an element the address of a blob, which lasts as long as the page. */
function showBlob(element, attribute, blob) {
  element.setAttribute(attribute, URL.createObjectURL(blob));
}
