// Networks in CIDR notation, IPv4 and IPv6, that a user may come from.
import { isMappedIpv4, parseIpAddress } from "../protocol/ip-address.js";

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
  const bytes = parseIpAddress(text.includes(":") ? text.replace(/%.*$/, "") : text);
  return bytes !== undefined && isMappedIpv4(bytes) ? bytes.slice(12) : bytes;
}
