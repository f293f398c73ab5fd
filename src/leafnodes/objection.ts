// Why the other end of a leaf link is not wanted, by either side.
import type { PeerConnect } from "../protocol/peer-info.js";
import { CloseReason } from "../server/close-reason.js";

const FINAL_ERRORS = [
  { pattern: /Loop detected/i, reason: CloseReason.loopDetected },
  { pattern: /same cluster name/, reason: CloseReason.clusterNameConflict },
  { pattern: /minimum version/, reason: CloseReason.minimumVersion },
];

export interface Objection {
  readonly text: string;
  readonly reason: CloseReason;
}

/** To a leaf node that is older than `minVersion`; undefined where it is not. */
export function ageObjection(minVersion: string | undefined, { version = "" }: PeerConnect): Objection | undefined {
  if (minVersion === undefined || !isOlder(version, minVersion)) return undefined;
  const text = `connection rejected since minimum version required is "${minVersion}"`;
  return { text, reason: CloseReason.minimumVersion };
}

/** Why the link is over after an error of the other end; undefined where it says nothing of that. */
export function endOfLink(text: string): CloseReason | undefined {
  return FINAL_ERRORS.find(({ pattern }) => pattern.test(text))?.reason;
}

// Compares versions number by number.
function isOlder(version: string, than: string): boolean {
  const numbers = (text: string): number[] => (/^\d+\.\d+\.\d+/.exec(text)?.[0] ?? "0.0.0").split(".").map(Number);
  const [a, b] = [numbers(version), numbers(than)];
  const differs = a.findIndex((number, at) => number !== b[at]);
  return differs >= 0 && a[differs] < b[differs];
}
