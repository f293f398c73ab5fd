// IP addresses as text and as bytes (RFC 4291, RFC 5952).

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** The 4 or 16 bytes of an address without a zone; undefined when the text is none. */
export function parseIpAddress(text: string): number[] | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Whether 16 bytes are an IPv4 address in IPv6 clothes; it is in the last four. */
export function isMappedIpv4(bytes: ArrayLike<number>): boolean {
  if (bytes.length !== IPV6_BYTES) return false;
  for (let at = 0; at < 12; at++) if (bytes[at] !== (at < 10 ? 0 : 0xff)) return false;
  return true;
}

/** The shortest text of an address of 4 or 16 bytes; an IPv4 address in IPv6 clothes as IPv4. */
export function ipAddressText(bytes: ArrayLike<number>): string {
  if (bytes.length === IPV4_BYTES) return Array.from(bytes).join(".");
  if (isMappedIpv4(bytes)) return Array.from(bytes).slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, at) => (bytes[2 * at] << 8) | bytes[2 * at + 1]);
  const { from, count } = longestZeros(groups);
  const text = (some: number[]): string => some.map((group) => group.toString(16)).join(":");
  return count < 2 ? text(groups) : `${text(groups.slice(0, from))}::${text(groups.slice(from + count))}`;
}

function longestZeros(groups: readonly number[]): { from: number; count: number } {
  let best = { from: 0, count: 0 };
  for (let from = 0; from < groups.length; from++) {
    let count = 0;
    while (groups[from + count] === 0) count++;
    if (count > best.count) best = { from, count };
  }
  return best;
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  const isByte = (part: string): boolean => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256;
  return parts.length === IPV4_BYTES && parts.every(isByte) ? parts.map(Number) : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const [head, tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const before = groupBytes(head, tail === undefined);
  const after = tail === undefined ? [] : groupBytes(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const missing = IPV6_BYTES - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...after];
}

// The end of an address may be written as an IPv4 address.
function groupBytes(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (isEnd && at === groups.length - 1 && group.includes(".")) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}
