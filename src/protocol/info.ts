// The INFO that a server sends to its clients (https://docs.nats.io/reference/reference-protocols/nats-protocol#info).

/** In the order in which the reference writes the keys; what is absent or false is left out, except where noted. */
export interface ServerInfo {
  server_id: string;
  server_name: string;
  version: string;
  proto: number;
  git_commit?: string;
  go: string;
  host: string;
  port: number;
  headers: boolean;
  auth_required?: boolean;
  tls_required?: boolean;
  tls_verify?: boolean;
  tls_available?: boolean;
  max_payload: number;
  jetstream?: boolean;
  ip?: string;
  client_id?: number;
  client_ip?: string;
  nonce?: string;
  cluster?: string;
  domain?: string;
  connect_urls?: readonly string[];
  ldm?: boolean;
  connect_info?: boolean;
  remote_account?: string;
  acc_is_sys?: boolean;
  api_lvl?: number;
  xkey?: string;
}

/**
 * The INFO line. The first one of a connection ends in a blank before CR LF (`first`), later ones do not. Keys with
 * `false`, "" or an empty list are left out; `headers` always stands.
 */
export function infoLine(info: ServerInfo, first: boolean): Buffer {
  const shown = Object.entries(info).filter(
    ([key, value]) =>
      key === "headers" ||
      (value !== undefined && value !== false && value !== "" && !(Array.isArray(value) && value.length === 0)),
  );
  return Buffer.from(`INFO ${JSON.stringify(Object.fromEntries(shown))}${first ? " " : ""}\r\n`, "utf8");
}
