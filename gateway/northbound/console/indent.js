// JSON text with line breaks, without reading it: numbers, doubled names and their order stay as they were sent.

/** `text` with whatever stands before the first bracket as it is. What is no JSON comes back somehow, and whole. */
export function indented(text) {
  const start = text.search(/[{[]/);
  if (start < 0) return text;
  let made = text.slice(0, start);
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      let end = at + 1;
      while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      made += text.slice(at, end + 1);
      at = end;
    } else if (char === "{" || char === "[") {
      const closing = /^\s*[}\]]/.exec(text.slice(at + 1, at + 8));
      if (closing) {
        made += char + closing[0].trim();
        at += closing[0].length;
      } else {
        depth = Math.min(depth + 1, 60);
        made += char + line();
      }
    } else if (char === "}" || char === "]") {
      depth = Math.max(depth - 1, 0);
      made += line() + char;
    } else if (char === ",") {
      made += char + line();
    } else if (char === ":") {
      made += ": ";
    } else if (char.trim() !== "" || depth === 0) {
      made += char;
    }
  }
  return made;
}
