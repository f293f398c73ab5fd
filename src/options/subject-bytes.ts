// Subjects as the server compares them: latin1 strings, one character per byte.

const KEPT_BYTE_OR_TEXT = /[\udc80-\udcff]|[^\udc80-\udcff]+/gu;

/**
 * The UTF-8 bytes of a subject, one character each. A lone surrogate U+DC80 to U+DCFF, which is how a configuration
 * file keeps a byte that is no UTF-8, stands for that byte.
 */
export function encodeSubject(subject: string): string {
  if (!/[^\x00-\x7f]/.test(subject)) return subject;
  const encode = (part: string): string => {
    const code = part.charCodeAt(0);
    const isByte = part.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    return isByte ? String.fromCharCode(code - 0xdc00) : Buffer.from(part, "utf8").toString("latin1");
  };
  return (subject.match(KEPT_BYTE_OR_TEXT) ?? []).map(encode).join("");
}
