// Networks in CIDR notation, IPv4 and IPv6, that a user may come from.

/** What comes before an IPv4 address in IPv6. */
const MAPPED_PREFIX_BITS = 96;

interface Network {
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  readonly prefixBits: number;
}

/** Whether the text is a network such as `192.168.0.0/16` or `2001:db8::/32`. */
export function isNetwork(cidr: string): boolean {
  return parseNetwork(cidr) !== undefined;
}

/** Whether the address is in one of the networks. An IPv4 address in IPv6 clothes counts as the IPv4 address. */
export function isFromNetwork(address: string, networks: readonly string[]): boolean {
  const bytes = parseAddress(address);
  if (bytes === undefined) return false;
  return networks.some((cidr) => {
    const network = parseNetwork(cidr);
    return network !== undefined && network.bytes.length === bytes.length && covers(network, bytes);
  });
}

function covers({ bytes: of, prefixBits }: Network, bytes: readonly number[]): boolean {
  for (let at = 0, left = prefixBits; left > 0; at++, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff;
    if ((of[at] & mask) !== (bytes[at] & mask)) return false;
  }
  return true;
}

function parseNetwork(cidr: string): Network | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(cidr.trim());
  if (match === null) return undefined;
  const bytes = parseAddress(match[1]);
  const isMapped = bytes?.length === 4 && match[1].includes(":");
  const prefixBits = Number(match[2]) - (isMapped ? MAPPED_PREFIX_BITS : 0);
  if (prefixBits < 0) return undefined;
  return bytes !== undefined && prefixBits <= bytes.length * 8 ? { bytes, prefixBits } : undefined;
}

function parseAddress(text: string): readonly number[] | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text.replace(/%.*$/, ""));
  const isMapped = bytes?.slice(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff));
  return isMapped ? bytes?.slice(12) : bytes;
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.map(Number);
}

function parseIpv6(text: string): number[] | undefined {
  const [head, tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const before = groupBytes(head);
  const after = tail === undefined ? [] : groupBytes(tail);
  if (before === undefined || after === undefined) return undefined;
  const missing = 16 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...after];
}

function groupBytes(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [at, group] of groups.entries()) {
    if (group.includes(".") && at === groups.length - 1) {
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
