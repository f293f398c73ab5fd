// The text of public nkeys: a prefix byte, the key and a checksum in base32
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth).

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** What a key is for, as its first letter tells. */
export const NkeyPrefix = { server: 13 << 3, curve: 23 << 3 } as const;

/** The 56 characters of a public key of 32 bytes. */
export function encodeNkey(prefix: number, key: Uint8Array): string {
  const bytes = new Uint8Array(key.length + 3);
  bytes[0] = prefix;
  bytes.set(key, 1);
  const checksum = crc16(bytes.subarray(0, key.length + 1));
  bytes[key.length + 1] = checksum & 0xff;
  bytes[key.length + 2] = checksum >> 8;
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

// CRC-16/XMODEM.
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
