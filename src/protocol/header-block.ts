// The header block of a message: a line with the version, then `Name: value` lines as in HTTP (ADR-4). Text is latin1.

const VERSION_LINE = "NATS/1.0";

/** The lines of a block without their ends, the version line first; none for an empty block. */
export function headerLines(block: string): string[] {
  if (block === "") return [];
  let end = block.length;
  while (block.endsWith("\r\n", end)) end -= 2;
  return block.slice(0, end).split("\r\n");
}

/** The block with this as the only header of this name, at its end. Names count as they are written. */
export function withHeader(block: string, name: string, value: string): string {
  const kept = headerLines(block).filter((line) => !line.startsWith(`${name}:`));
  if (kept.length === 0) kept.push(VERSION_LINE);
  return `${kept.join("\r\n")}\r\n${name}: ${value}\r\n\r\n`;
}

/**
 * All headers by name, as written, in the order in which they come. Blanks around a value are left out, and so are headers
 * without a value, or without an end as the block was cut.
 * @param keepsEnd blanks behind a value belong to it, as JetStream has it
 */
export function readHeaders(block: string, keepsEnd = false): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of headerLines(block.slice(0, block.lastIndexOf("\r\n"))).slice(1)) {
    const colon = line.indexOf(":");
    const value = withoutBlanks(line.slice(colon + 1), keepsEnd);
    if (colon < 1 || value === "") continue;
    const name = line.slice(0, colon);
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return headers;
}

/** The first value of that name that `readHeaders` with `keepsEnd` finds, without the others. */
export function firstHeader(block: string, name: string): string | undefined {
  const begin = `\r\n${name}:`;
  for (let at = block.indexOf(begin); at >= 0; at = block.indexOf(begin, at + 2)) {
    const start = at + begin.length;
    const end = block.indexOf("\r\n", start);
    const value = end < 0 ? "" : withoutBlanks(block.slice(start, end), true);
    if (value !== "") return value;
  }
  return undefined;
}

// An expression would take time with the square of the number of blanks.
function withoutBlanks(text: string, keepsEnd: boolean): string {
  let [start, end] = [0, text.length];
  while (start < end && isBlank(text[start])) start++;
  while (!keepsEnd && end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

function isBlank(char: string): boolean {
  return char === " " || char === "\t";
}

/**
 * Whether a W3C `traceparent` asks for the trace to be recorded: the lowest bit of its last field
 * (https://www.w3.org/TR/trace-context/#trace-flags). As in nats-server the field is a signed number of eight bits.
 */
export function isSampledTraceParent(value: string): boolean {
  const fields = value.split("-");
  return fields.length === 4 && /^[0-7+][0-9a-f]$/i.test(fields[3]) && Number.parseInt(fields[3][1], 16) % 2 === 1;
}
