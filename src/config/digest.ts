// The digest of a configuration that `-t` prints and varz shows: SHA-256 of its values as the reference's JSON encoder
// writes them. Two servers with the same digest run the same configuration.
import { createHash } from "node:crypto";
import { formatMs } from "../protocol/rfc3339.js";
import type { ConfigMap, ConfigNode } from "./syntax.js";
import { encodeConfigText } from "./text.js";

/** `sha256:` and the hexadecimal digest of the map with variables and includes resolved, variables kept as keys. */
export function digestOf(map: ConfigMap): string {
  const hash = createHash("sha256");
  let pending = "";
  const write = (part: string) => {
    pending += part;
    if (pending.length > FLUSH_CHARS) {
      hash.update(pending);
      pending = "";
    }
  };
  writeNode(map, write);
  write("\n");
  return `sha256:${hash.update(pending).digest("hex")}`;
}

const FLUSH_CHARS = 65_536;

function writeNode(node: ConfigNode, write: (part: string) => void): void {
  if (node.kind === "list") {
    write("[");
    node.items.forEach((item, index) => {
      if (index > 0) write(",");
      writeNode(item, write);
    });
    write("]");
  } else if (node.kind === "map") {
    write("{");
    sortedByBytes(node).forEach(([key, value], index) => {
      if (index > 0) write(",");
      write(`${quoted(key)}:`);
      writeNode(value, write);
    });
    write("}");
  } else {
    write(scalarText(node));
  }
}

function scalarText(node: Exclude<ConfigNode, { kind: "list" | "map" }>): string {
  switch (node.kind) {
    case "string":
      return quoted(node.value);
    case "float":
      // Number's own text agrees with the reference's in all but the sign of zero.
      return Object.is(node.value, -0) ? "-0" : String(node.value);
    case "date":
      return `"${formatMs(node.value)}"`;
    default:
      return String(node.value);
  }
}

function sortedByBytes(map: ConfigMap): [string, ConfigNode][] {
  return Array.from(map.entries.values(), ({ key, value }) => ({ bytes: encodeConfigText(key), key, value }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ key, value }) => [key, value]);
}

const TO_ESCAPE = /[\x00-\x1f"\\<>&\u2028\u2029]|\p{Surrogate}/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quoted(text: string): string {
  const escaped = text.replace(TO_ESCAPE, (char) => {
    const code = char.charCodeAt(0);
    // A lone surrogate is a byte that is not valid UTF-8.
    if (code >= 0xd800 && code <= 0xdfff) return "\ufffd";
    return SHORT_ESCAPES[char] ?? `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}
