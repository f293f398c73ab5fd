// An address as text.

/** host:port, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Host and port that others are told of, from `host[:port]`; undefined for "" and what makes no sense. */
export function advertisedAs(text: string | undefined): { host: string; port?: number } | undefined {
  if (text === undefined || text === "") return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2];
  return match[3] === undefined ? { host } : { host, port: Number(match[3]) };
}
