// INFO and CONNECT as servers send them to each other (conformance/topology, WIRE.md 2.1, 3.1, 4.1).

/** Publish and subscribe permissions as they cross; subjects are UTF-8 text. */
export interface PeerPermissions {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** What is absent, false, "" or empty is left out. */
export interface PeerInfo {
  readonly server_id: string;
  readonly server_name: string;
  readonly version: string;
  readonly proto: number;
  readonly go: string;
  readonly host: string;
  readonly port: number;
  readonly headers: boolean;
  readonly auth_required?: boolean;
  readonly tls_required?: boolean;
  readonly tls_verify?: boolean;
  readonly max_payload: number;
  readonly jetstream?: boolean;
  /** URL to dial the sender at. */
  readonly ip?: string;
  readonly client_id?: number;
  readonly nonce?: string;
  readonly cluster?: string;
  readonly cluster_dynamic?: boolean;
  readonly domain?: string;
  readonly connect_urls?: readonly string[];
  readonly ws_connect_urls?: readonly string[];
  readonly ldm?: boolean;
  readonly compression?: string;
  readonly import?: PeerPermissions;
  readonly export?: PeerPermissions;
  /** Leaf interest with its origin is understood: in LS+ and LMSG; in LS-. */
  readonly lnoc?: boolean;
  readonly lnocu?: boolean;
  /** Whether it takes leaf nodes. */
  readonly ln?: boolean;
  readonly route_pool_size?: number;
  readonly route_pool_idx?: number;
  readonly route_account?: string;
  readonly route_acc_add_reqid?: string;
  readonly gossip_mode?: number;
  readonly gateway?: string;
  readonly gateway_urls?: readonly string[];
  readonly gateway_url?: string;
  readonly gateway_cmd?: number;
  readonly gateway_cmd_payload?: string;
  readonly gateway_nrp?: boolean;
  readonly gateway_iom?: boolean;
  readonly leafnode_urls?: readonly string[];
  readonly remote_account?: string;
  readonly connect_info?: boolean;
  readonly info_on_connect?: boolean;
  readonly api_lvl?: number;
}

/** What the dialling side says first. */
export interface PeerConnect {
  readonly echo?: boolean;
  readonly verbose?: boolean;
  readonly pedantic?: boolean;
  readonly user?: string;
  readonly pass?: string;
  readonly tls_required?: boolean;
  readonly headers?: boolean;
  /** The sender's server id. */
  readonly name?: string;
  readonly cluster?: string;
  readonly cluster_dynamic?: boolean;
  readonly lnoc?: boolean;
  readonly lnocu?: boolean;
  readonly gateway?: string;
  // Of leaf nodes.
  readonly version?: string;
  readonly server_id?: string;
  readonly nkey?: string;
  readonly sig?: string;
  readonly jwt?: string;
  readonly auth_token?: string;
  readonly is_hub?: boolean;
  readonly isolate?: boolean;
  readonly domain?: string;
  readonly jetstream?: boolean;
  readonly deny_pub?: readonly string[];
  readonly compress_mode?: string;
  readonly remote_account?: string;
  readonly protocol?: number;
}

/** These stand even when false, empty or 0. */
const ALWAYS = new Set(["headers", "max_payload", "proto"]);

/** An INFO line; the first one of a listener's connection ends in a blank before CR LF. */
export function peerInfoLine(info: PeerInfo, first = false): Buffer {
  return Buffer.from(`INFO ${JSON.stringify(shown(info))}${first ? " " : ""}\r\n`, "utf8");
}

/** A CONNECT line. */
export function peerConnectLine(connect: PeerConnect): Buffer {
  return Buffer.from(`CONNECT ${JSON.stringify(connect)}\r\n`, "utf8");
}

function shown(info: PeerInfo): object {
  return Object.fromEntries(
    Object.entries(info).filter(
      ([key, value]) =>
        ALWAYS.has(key) ||
        (value !== undefined &&
          value !== false &&
          value !== "" &&
          value !== 0 &&
          !(Array.isArray(value) && value.length === 0)),
    ),
  );
}

/** Names of clusters stand among the arguments of lines: with blanks or ends of lines in it, one would be several. */
const NAME_ENDS = /[\x00-\x20\x7f]/;

/** Text fields, numbers, and so on of INFO and CONNECT, by type; a field of another type makes the line wrong. */
const FIELD_TYPES: Readonly<Record<string, string>> = {
  server_id: "string",
  server_name: "string",
  version: "string",
  proto: "number",
  host: "string",
  port: "number",
  headers: "boolean",
  auth_required: "boolean",
  tls_required: "boolean",
  max_payload: "number",
  jetstream: "boolean",
  ip: "string",
  nonce: "string",
  cluster: "name",
  cluster_dynamic: "boolean",
  domain: "string",
  connect_urls: "strings",
  ws_connect_urls: "strings",
  ldm: "boolean",
  compression: "string",
  import: "object",
  export: "object",
  lnoc: "boolean",
  lnocu: "boolean",
  ln: "boolean",
  route_pool_size: "number",
  route_pool_idx: "number",
  route_account: "string",
  route_acc_add_reqid: "string",
  gossip_mode: "number",
  gateway: "name",
  gateway_urls: "strings",
  gateway_url: "string",
  gateway_cmd: "number",
  gateway_cmd_payload: "string",
  gateway_nrp: "boolean",
  gateway_iom: "boolean",
  leafnode_urls: "strings",
  remote_account: "string",
  connect_info: "boolean",
  info_on_connect: "boolean",
  api_lvl: "number",
  user: "string",
  pass: "string",
  name: "string",
  nkey: "string",
  sig: "string",
  jwt: "string",
  auth_token: "string",
  is_hub: "boolean",
  isolate: "boolean",
  deny_pub: "strings",
  compress_mode: "string",
  protocol: "number",
};

/**
 * Reads the JSON of an INFO or CONNECT line; undefined when it makes no sense. Unknown fields are passed over, and those that are
 * null count as absent. Any field may be absent, whatever its type says.
 */
export function readPeerJson<T extends PeerInfo | PeerConnect>(json: string): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  for (const [key, field] of Object.entries(value)) {
    const type = FIELD_TYPES[key];
    if (field === null) delete (value as Record<string, unknown>)[key];
    else if (type !== undefined && !hasType(field, type)) return undefined;
  }
  return value as T;
}

function hasType(field: unknown, type: string): boolean {
  if (type === "strings") return Array.isArray(field) && field.every((item) => typeof item === "string");
  if (type === "name") return typeof field === "string" && !NAME_ENDS.test(field);
  if (type === "number") return Number.isSafeInteger(field);
  return typeof field === type && !Array.isArray(field);
}
