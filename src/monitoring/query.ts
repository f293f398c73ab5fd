// The parameters of a monitoring page, from the query of its URL; the first of several values counts, "" is the same as none.
import type { ConnectionState } from "../server/connection-status.js";
import { MonitoringError } from "./errors.js";

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);
const INTEGER = /^[+-]?\d+$/;
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

export class Query {
  readonly #parameters: URLSearchParams;

  constructor(text: string) {
    this.#parameters = new URLSearchParams(text);
  }

  /** "" when absent. */
  text(name: string): string {
    return this.#parameters.get(name) ?? "";
  }

  /** @throws MonitoringError */
  flag(name: string): boolean {
    const text = this.text(name);
    if (text === "" || FALSE.has(text)) return false;
    if (TRUE.has(text)) return true;
    throw wrong("boolean", name, "ParseBool", text, "invalid syntax");
  }

  /** A signed integer, 0 when absent. @throws MonitoringError */
  integer(name: string): number {
    const text = this.text(name);
    if (text === "") return 0;
    if (!INTEGER.test(text)) throw wrong("int", name, "Atoi", text, "invalid syntax");
    const value = BigInt(text.replace("+", ""));
    if (value > MAX_INT64 || value < -MAX_INT64 - 1n) throw wrong("int", name, "Atoi", text, "value out of range");
    return Number(value);
  }

  /** An unsigned integer, 0 when absent. @throws MonitoringError */
  unsigned(name: string): number {
    const text = this.text(name);
    if (text === "") return 0;
    if (!/^\d+$/.test(text)) throw wrong("uint64", name, "ParseUint", text, "invalid syntax");
    const value = BigInt(text);
    if (value > MAX_UINT64) throw wrong("uint64", name, "ParseUint", text, "value out of range");
    return Number(value);
  }

  /** `subs`: a flag, or "detail". @throws MonitoringError */
  subscriptions(): { subscriptions: boolean; subscriptionsDetail: boolean } {
    const subscriptionsDetail = this.text("subs").toLowerCase() === "detail";
    return { subscriptions: subscriptionsDetail ? false : this.flag("subs"), subscriptionsDetail };
  }

  /** `state`, open when absent. @throws MonitoringError */
  state(): ConnectionState {
    const text = this.text("state");
    switch (text.toLowerCase()) {
      case "":
      case "open":
        return "open";
      case "closed":
        return "closed";
      case "any":
      case "all":
        return "any";
      default:
        throw new MonitoringError(`Error decoding state for ${text}`);
    }
  }
}

// In the words of nats-server, which dashboards may show.
function wrong(type: string, name: string, parser: string, text: string, why: string): MonitoringError {
  const parsing = `strconv.${parser}: parsing ${JSON.stringify(text)}: ${why}`;
  return new MonitoringError(`Error decoding ${type} for '${name}': ${parsing}`);
}
