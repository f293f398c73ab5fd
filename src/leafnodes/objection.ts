// Why the other end of a leaf link is not wanted.
import type { PeerConnect } from "../protocol/peer-info.js";
import { CloseReason } from "../server/close-reason.js";

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

// Compares versions number by number.
function isOlder(version: string, than: string): boolean {
  const numbers = (text: string): number[] => (/^\d+\.\d+\.\d+/.exec(text)?.[0] ?? "0.0.0").split(".").map(Number);
  const [a, b] = [numbers(version), numbers(than)];
  const differs = a.findIndex((number, at) => number !== b[at]);
  return differs >= 0 && a[differs] < b[differs];
}
