// Cookies of an upgrade request (RFC 6265, section 5.4).

/** The values by name, as UTF-8; the last where one comes twice. Quotes around a value are taken off. */
export function readCookies(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(0, equals)).trim();
    if (name === "") continue;
    const value = part.slice(equals + 1).trim();
    const isQuoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
    const bytes = Buffer.from(isQuoted ? value.slice(1, -1) : value, "latin1");
    cookies.set(name, bytes.toString("utf8"));
  }
  return cookies;
}
