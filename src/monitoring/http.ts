// The pages over HTTP: paths, parameters, answers (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring).
// Every method is answered alike, as by nats-server.
import { stringifyExact } from "../protocol/json.js";
import type { Logger } from "../runtime/logger.js";
import type { HttpRequest, HttpResponse } from "../runtime/network.js";
import { MonitoringError } from "./errors.js";
import { escapeHtml, frontPage } from "./front-page.js";
import { METRICS_CONTENT_TYPE } from "./metrics-text.js";
import type { Pages } from "./pages.js";
import type { Protection } from "./protection.js";
import { Query } from "./query.js";
import { cleanPath } from "./url-path.js";

const JSON_HEADERS = { "Access-Control-Allow-Origin": "*", "Content-Type": "application/json" };
const TEXT_HEADERS = { "Content-Type": "text/plain; charset=utf-8" };
/** What a request through a proxy has before the path. */
const PROXY_FORM = /^https?:\/\/[^/?]*/i;
/** Bytes that a URL holds only encoded. */
const UNUSUAL = /[^\w!#$%&'()*+,./:;=?@[\]~-]/g;
const INDENT = "  ";
const WIDE_INDENT = "   ";

type Endpoint = (query: Query) => Promise<HttpResponse>;

export class HttpPages {
  readonly #pages: Pages;
  readonly #protection: Protection;
  readonly #logger: () => Logger;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  #basePath = "";

  constructor(pages: Pages, protection: Protection, logger: () => Logger) {
    this.#pages = pages;
    this.#protection = protection;
    this.#logger = logger;
    this.#endpoints = this.#allEndpoints();
  }

  /** The path before all others; slashes at its ends do not matter. */
  set basePath(path: string) {
    const parts = path.split("/").filter((part) => part !== "");
    this.#basePath = parts.map((part) => `/${part}`).join("");
  }

  async handle(request: HttpRequest): Promise<HttpResponse> {
    const [path, query] = splitAt(request.url.replace(PROXY_FORM, ""), "?");
    const decoded = decodePath(path);
    const isHealthz = decoded === `${this.#basePath}/healthz`;
    const refusal = await this.#protection.refusal(request, isHealthz);
    if (refusal !== undefined) return refusal;
    const cleaned = cleanPath(path);
    if (path.startsWith("/") && cleaned !== path)
      return redirect(request.method, query === undefined ? cleaned : `${cleaned}?${query}`);
    const root = this.#basePath === "" ? "/" : this.#basePath;
    if (decoded === root) {
      this.#pages.count("/");
      return { status: 200, headers: { "Content-Type": "text/html; charset=utf-8" }, body: frontPage(this.#basePath) };
    }
    const endpoint = decoded?.startsWith(this.#basePath)
      ? this.#endpoints.get(decoded.slice(this.#basePath.length))
      : undefined;
    if (endpoint === undefined) return notFound();
    try {
      return await endpoint(new Query(query ?? ""));
    } catch (error) {
      if (error instanceof MonitoringError) return text(400, error.message);
      this.#logger().error(`Error answering a request for ${path}: ${String(error)}`);
      throw error;
    }
  }

  #allEndpoints(): Map<string, Endpoint> {
    const pages = this.#pages;
    const subsz = this.#counted("/subsz", async (query) =>
      json(
        await pages.subsz({
          subscriptions: query.flag("subs"),
          offset: query.integer("offset"),
          limit: query.integer("limit"),
          test: query.text("test"),
          account: query.text("acc"),
        }),
      ),
    );
    return new Map<string, Endpoint>([
      ["/varz", this.#counted("/varz", async (query) => json(await pages.varz(query.flag("natsnode_version"))))],
      ["/connz", (query) => this.#connz(query)],
      ["/subsz", subsz],
      ["/subscriptionsz", subsz],
      [
        "/accountz",
        this.#counted("/accountz", async (query) => json(await pages.accountz({ account: query.text("acc") }))),
      ],
      [
        "/accstatz",
        this.#counted("/accstatz", async (query) =>
          json(await pages.accstatz({ includeUnused: query.flag("unused") })),
        ),
      ],
      [
        "/routez",
        async (query) => {
          const options = query.subscriptions();
          pages.count("/routez");
          return json(await pages.routez(options));
        },
      ],
      [
        "/gatewayz",
        this.#counted("/gatewayz", async (query) => {
          const options = {
            ...query.subscriptions(),
            name: query.text("gw_name"),
            accounts: query.flag("accs"),
            account: query.text("acc_name"),
          };
          return json(await pages.gatewayz(options));
        }),
      ],
      [
        "/leafz",
        this.#counted("/leafz", async (query) => {
          return json(await pages.leafz({ subscriptions: query.flag("subs"), account: query.text("acc") }));
        }),
      ],
      ["/jsz", this.#counted("/jsz", (query) => this.#jsz(query))],
      ["/healthz", this.#counted("/healthz", (query) => this.#healthz(query))],
      ["/stacksz", async () => ({ status: 200, headers: JSON_HEADERS, body: `${new Error("stack").stack}\n` })],
      [
        "/ipqueuesz",
        async (query) => {
          query.flag("all");
          return json({}, WIDE_INDENT);
        },
      ],
      ["/raftz", async () => text(404, "No Raft nodes registered")],
      ["/debug/vars", () => this.#debugVars()],
      ["/metrics", (query) => this.#metrics(query)],
    ]);
  }

  #counted(path: string, endpoint: Endpoint): Endpoint {
    return (query) => {
      this.#pages.count(path);
      return endpoint(query);
    };
  }

  async #connz(query: Query): Promise<HttpResponse> {
    const options = {
      sort: query.text("sort"),
      auth: query.flag("auth"),
      ...query.subscriptions(),
      offset: query.integer("offset"),
      limit: query.integer("limit"),
      cid: query.unsigned("cid"),
      state: query.state(),
      user: query.text("user"),
      account: query.text("acc"),
      mqttClient: query.text("mqtt_client"),
    };
    this.#pages.count("/connz");
    return json(await this.#pages.connz(options));
  }

  async #jsz(query: Query): Promise<HttpResponse> {
    const options = {
      account: query.text("acc"),
      accounts: query.flag("accounts"),
      streams: query.flag("streams"),
      consumers: query.flag("consumers"),
      directConsumers: query.flag("direct-consumers"),
      config: query.flag("config"),
      raft: query.flag("raft"),
      offset: query.integer("offset"),
      limit: query.integer("limit"),
    };
    const leaderOnly = query.flag("leader-only");
    query.flag("stream-leader-only");
    if (leaderOnly && !this.#pages.decidesOnJetStream) throw new MonitoringError("filtered response: not leader");
    return json(await this.#pages.jsz(options));
  }

  async #healthz(query: Query): Promise<HttpResponse> {
    const logger = this.#logger();
    if (query.flag("js-enabled")) logger.warn("Healthcheck: js-enabled deprecated, use js-enabled-only instead");
    for (const name of ["js-enabled-only", "js-server-only", "js-meta-only"]) query.flag(name);
    const health = this.#pages.healthz({
      details: query.flag("details"),
      account: query.text("account"),
      stream: query.text("stream"),
      consumer: query.text("consumer"),
    });
    const { statusCode, ...shown } = health;
    if (health.error !== undefined) logger.warn(`Healthcheck failed: ${JSON.stringify(health.error)}`);
    else if (health.errors !== undefined) logger.warn(`Healthcheck failed: ${health.errors.length} errors`);
    return { status: statusCode, headers: JSON_HEADERS, body: stringifyExact(shown) };
  }

  async #metrics(query: Query): Promise<HttpResponse> {
    const shown = { offset: query.integer("offset"), limit: query.integer("limit") };
    const connections = query.flag("connz") ? shown : undefined;
    this.#pages.count("/metrics");
    const body = await this.#pages.metrics({ connections, accounts: query.flag("accountz") });
    return { status: 200, headers: { "Content-Type": METRICS_CONTENT_TYPE }, body };
  }

  async #debugVars(): Promise<HttpResponse> {
    const lines = Object.entries(await this.#pages.expvarz()).map(
      ([name, value]) => `"${name}": ${stringifyExact(value)}`,
    );
    const headers = { "Content-Type": "application/json; charset=utf-8" };
    return { status: 200, headers, body: `{\n${lines.join(",\n")}\n}\n` };
  }
}

function json(value: unknown, indent = INDENT): HttpResponse {
  return { status: 200, headers: JSON_HEADERS, body: stringifyExact(value, indent) };
}

function text(status: number, body: string): HttpResponse {
  return { status, headers: TEXT_HEADERS, body };
}

// To the same page under its usual path.
function redirect(method: string, to: string): HttpResponse {
  // A backslash, say, would be a slash to a browser, and lead to another host.
  const location = to.replace(UNUSUAL, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
  const headers: Record<string, string> = { Location: location };
  if (method !== "GET" && method !== "HEAD") return { status: 307, headers };
  headers["Content-Type"] = "text/html; charset=utf-8";
  return { status: 307, headers, body: `<a href="${escapeHtml(location)}">Temporary Redirect</a>.\n\n` };
}

function notFound(): HttpResponse {
  const headers = { ...TEXT_HEADERS, "X-Content-Type-Options": "nosniff" };
  return { status: 404, headers, body: "404 page not found\n" };
}

function splitAt(value: string, separator: string): [string, string?] {
  const at = value.indexOf(separator);
  return at < 0 ? [value] : [value.slice(0, at), value.slice(at + 1)];
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
