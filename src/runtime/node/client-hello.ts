// The name that a TLS client asks for, read from its first message before the handshake begins (RFC 8446, 4.1.2; RFC 6066, 3):
// Node itself could only replace one kind of certificate once it has begun.

const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const RECORD_HEAD = 5;
const MESSAGE_HEAD = 4;
const VERSION_AND_RANDOM = 34;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** The name in `bytes`, the first of a connection; "" when there is none, undefined when more bytes are needed to tell. */
export function askedName(bytes: Buffer): string | undefined {
  const message = firstMessage(bytes);
  if (message === undefined) return undefined;
  try {
    return nameIn(message);
  } catch (error) {
    if (error instanceof RangeError) return "";
    throw error;
  }
}

// The records that hold the message, without their heads.
function firstMessage(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let length = 0;
  let at = 0;
  for (;;) {
    if (at + RECORD_HEAD > bytes.length) return bytes.length > 0 && bytes[0] !== HANDSHAKE ? bytes : undefined;
    if (bytes[at] !== HANDSHAKE) return bytes;
    const end = at + RECORD_HEAD + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(at + RECORD_HEAD, end));
    length += end - at - RECORD_HEAD;
    at = end;
    const message = Buffer.concat(parts);
    if (length >= MESSAGE_HEAD && length >= MESSAGE_HEAD + message.readUIntBE(1, 3)) return message;
  }
}

function nameIn(message: Buffer): string {
  if (message[0] !== CLIENT_HELLO) return "";
  let at = MESSAGE_HEAD + VERSION_AND_RANDOM;
  at += 1 + message.readUInt8(at);
  at += 2 + message.readUInt16BE(at);
  at += 1 + message.readUInt8(at);
  const end = at + 2 + message.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const type = message.readUInt16BE(at);
    const length = message.readUInt16BE(at + 2);
    // One list of one name is all that clients ever send.
    if (type === SERVER_NAME && message.readUInt8(at + 6) === HOST_NAME) {
      const nameLength = message.readUInt16BE(at + 7);
      return message.toString("latin1", at + 9, at + 9 + nameLength).toLowerCase();
    }
    at += 4 + length;
  }
  return "";
}
