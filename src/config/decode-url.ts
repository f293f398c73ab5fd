// Whether a text is a URL as the reference reads it: schemes are optional and nothing is looked up.

const ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/** Parts of a URL such as nats://user:pass@host:4222/path; undefined when it cannot be read. */
export function splitUrl(text: string): { scheme: string; host: string } | undefined {
  const url = text.trim();
  if (/[\x00-\x1f\x7f]/.test(url) || url.startsWith(":")) return undefined;
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(url)?.[1] ?? "";
  const rest = (scheme === "" ? url : url.slice(scheme.length + 1)).replace(/#.*$/s, "");
  const beforeQuery = rest.replace(/\?.*$/s, "");
  if (!beforeQuery.startsWith("//")) {
    const isBad = scheme === "" && !beforeQuery.startsWith("/") && beforeQuery.split("/")[0].includes(":");
    return isBad || (scheme === "" && ESCAPE.test(beforeQuery)) ? undefined : { scheme, host: "" };
  }
  const [, authority, path] = /^\/\/([^/]*)(.*)$/s.exec(beforeQuery) as unknown as [string, string, string];
  const at = authority.lastIndexOf("@");
  const userinfo = authority.slice(0, Math.max(at, 0));
  const host = authority.slice(at + 1);
  if (ESCAPE.test(path) || !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(userinfo) || ESCAPE.test(userinfo))
    return undefined;
  const isHost = host.startsWith("[")
    ? /^\[[^\]]+\](:\d*)?$/.test(host)
    : /^[^\s\\^`{|}[\]%#?]*$/.test(host) &&
      (!host.includes(":") || /^[^:]*(:\d*)?$/.test(host.slice(host.lastIndexOf(":"))));
  return isHost ? { scheme, host } : undefined;
}
