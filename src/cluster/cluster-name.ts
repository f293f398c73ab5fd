// The cluster's name. One that was not configured is random, and gives way to a configured or a greater one
// (conformance/topology, WIRE.md 2.1).
import type { Random } from "../runtime/random.js";

const RANDOM_BYTES = 16;

export class ClusterName {
  #text: string;
  #dynamic: boolean;

  constructor(configured: string | undefined, random: Random) {
    this.#dynamic = configured === undefined || configured === "";
    this.#text = this.#dynamic ? Buffer.from(random.bytes(RANDOM_BYTES)).toString("base64url") : (configured as string);
  }

  get text(): string {
    return this.#text;
  }

  /** Whether it was not configured, here or where it was taken from. */
  get isDynamic(): boolean {
    return this.#dynamic;
  }

  givesWayTo(other: string, dynamic: boolean): boolean {
    return this.#dynamic && other !== "" && other !== this.#text && (!dynamic || this.#text < other);
  }

  /** Takes the name that the options say from now on; without one it keeps its name. */
  configure(name: string | undefined): void {
    if (name === undefined || name === "") return;
    this.#text = name;
    this.#dynamic = false;
  }

  take(other: string, dynamic: boolean): void {
    this.#text = other;
    this.#dynamic = dynamic;
  }
}
