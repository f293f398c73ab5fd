// Metrics in the text format of Prometheus, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
// Written here and not by prom-client: values are new at every scrape, and some metrics of NATS are untyped or have two
// sets of labels, neither of which it can express.

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type MetricType = "counter" | "gauge" | "untyped";

/** All samples of one name, as lines. */
export class MetricFamily {
  readonly #name: string;
  readonly #lines: string[];

  constructor(name: string, help: string, type: MetricType) {
    this.#name = name;
    this.#lines = [`# HELP ${name} ${escapeHelp(help)}\n`, `# TYPE ${name} ${type}\n`];
  }

  /** Adds a sample; `labels` as `labelsText` gives them. */
  add(labels: string, value: number | bigint): void {
    this.#lines.push(`${this.#name}${labels} ${valueText(value)}\n`);
  }

  toString(): string {
    return this.#lines.join("");
  }
}

export class MetricsText {
  readonly #families = new Map<string, MetricFamily>();

  /** The family of a name; help and type count where it comes first. */
  family(name: string, help: string, type: MetricType = "gauge"): MetricFamily {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = new MetricFamily(name, help, type);
      this.#families.set(name, family);
    }
    return family;
  }

  has(name: string): boolean {
    return this.#families.has(name);
  }

  /** A family after the other, in the order they came; one without samples shows only what it is. */
  toString(): string {
    return Array.from(this.#families.values(), String).join("");
  }
}

/** `{name="value",...}`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return `{${pairs.join(",")}}`;
}

function valueText(value: number | bigint): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return /[\\\n"]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text;
}
