// Configuration text: UTF-8 whose invalid bytes survive. Such a byte becomes a lone surrogate, U+DC00 plus the byte, so
// that a "\xff" in the file reaches a password or a subject as that very byte, and the digest can tell it from text.

const VALID_OR_BYTE =
  /(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}){1,4096}|[\x80-\xff]/g;
const KEPT_BYTE = /[\udc80-\udcff]/u;
const KEPT_BYTE_OR_TEXT = /[\udc80-\udcff]|[^\udc80-\udcff]{1,4096}/gu;

/** Text of a file's bytes. A byte that is no part of valid UTF-8 becomes the lone surrogate U+DC00 + byte. */
export function decodeConfigText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  if (!text.includes("\ufffd")) return text;
  return buffer
    .toString("latin1")
    .replace(VALID_OR_BYTE, (part) =>
      part.length === 1 && part >= "\x80" ? keepByte(part.charCodeAt(0)) : Buffer.from(part, "latin1").toString("utf8"),
    );
}

/** The bytes of a configuration string: UTF-8, and each byte that `decodeConfigText` or an escape kept as it was. */
export function encodeConfigText(text: string): Buffer {
  if (!KEPT_BYTE.test(text)) return Buffer.from(text, "utf8");
  const parts = text.match(KEPT_BYTE_OR_TEXT) ?? [];
  return Buffer.concat(
    parts.map((part) => (KEPT_BYTE.test(part) ? Buffer.of(part.charCodeAt(0) - 0xdc00) : Buffer.from(part, "utf8"))),
  );
}

/** The character for a byte written as an escape; bytes below 0x80 stand for themselves. */
export function keepByte(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
}

/** Text whose kept bytes have become characters wherever they are valid UTF-8 together. */
export function joinKeptBytes(text: string): string {
  return KEPT_BYTE.test(text) ? decodeConfigText(encodeConfigText(text)) : text;
}
