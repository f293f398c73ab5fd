// Which way routes and leaf node connections are compressed: what both sides say in INFO, and what follows from it
// (conformance/topology, WIRE.md sections 2.3 and 4.2).
import type { S2Mode } from "./s2-writer.js";

/** What a side asks for: nothing, what the other side wants, a mode by the round trip, or a mode. */
export type CompressionMode = "not supported" | "off" | "accept" | "s2_auto" | S2Mode;

/** Up to these round trips, in milliseconds, s2_auto does not compress, is fast, better; above it is best. */
const DEFAULT_RTT_THRESHOLDS_MS: readonly number[] = [10, 50, 100];

const AUTO_MODES: readonly S2Mode[] = ["s2_uncompressed", "s2_fast", "s2_better", "s2_best"];

const NAMES: ReadonlyMap<string, CompressionMode> = new Map([
  ["not supported", "not supported"],
  ["not_supported", "not supported"],
  ["off", "off"],
  ["disabled", "off"],
  ["false", "off"],
  ["accept", "accept"],
  ["auto", "s2_auto"],
  ["s2_auto", "s2_auto"],
  ["fast", "s2_fast"],
  ["s2_fast", "s2_fast"],
  ["better", "s2_better"],
  ["s2_better", "s2_better"],
  ["best", "s2_best"],
  ["s2_best", "s2_best"],
]);
const NAMES_FOR_ON = new Set(["on", "enabled", "true"]);

/** A mode by one of its names in the configuration, in any case; `modeForOn` is what "on" stands for. Undefined: unknown. */
export function compressionMode(name: string, modeForOn: CompressionMode): CompressionMode | undefined {
  const given = name.toLowerCase();
  return NAMES_FOR_ON.has(given) ? modeForOn : NAMES.get(given);
}

/**
 * How a side that asks for `own` writes to one that asks for `remote` (as in its INFO; undefined: it does not know of
 * compression). What both sides write may differ; off they are together.
 */
export function agreedCompression(own: CompressionMode, remote: string | undefined): "off" | "s2_auto" | S2Mode {
  if (own === "off" || own === "not supported") return "off";
  if (remote === undefined || remote === "" || remote === "off" || remote === "not supported") return "off";
  if (own !== "accept") return own;
  if (remote === "accept") return "off";
  if (remote === "s2_auto") return "s2_fast";
  return AUTO_MODES.find((mode) => mode === remote) ?? "off";
}

/** What s2_auto means for a round trip. Of the thresholds, in milliseconds and at most four, those of 0 leave a mode out. */
export function compressionForRtt(rttMs: number, thresholdsMs: readonly number[] = []): S2Mode {
  const thresholds = thresholdsMs.length > 0 ? thresholdsMs : DEFAULT_RTT_THRESHOLDS_MS;
  const within = thresholds.findIndex((thresholdMs) => thresholdMs > 0 && rttMs <= thresholdMs);
  if (within >= 0) return AUTO_MODES[within];
  return thresholds.length >= 3 ? "s2_best" : AUTO_MODES[thresholds.length - 1];
}
