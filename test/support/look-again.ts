// The pause between two looks at a state that no event tells of; without it the test takes the processor from what it waits for.
import { setTimeout as pause } from "node:timers/promises";

const LOOK_AGAIN_MS = 10;

/** Resolves when it is time to look again. */
export function lookAgain(): Promise<void> {
  return pause(LOOK_AGAIN_MS);
}
