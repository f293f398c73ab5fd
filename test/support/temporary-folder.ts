// Folders for tests and drills, removed at their end.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whoever calls things back when it is over: a test context of node:test, or anything with `after`. */
export interface Scope {
  after(run: () => void | Promise<void>): void;
}

const leftToTheEnd: string[] = [];

/**
 * A new empty folder. A ManualScope removes it in its turn; a test leaves it to the end of the process: node:test calls
 * back first what was registered first, and servers of the test still write to the folder then.
 */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "natsnode-"));
  if (scope instanceof ManualScope) {
    scope.after(() => remove(folder));
    return folder;
  }
  // Not sooner: helpers that kill their processes at the exit have been loaded by now, and come first.
  if (leftToTheEnd.length === 0) process.on("exit", () => leftToTheEnd.forEach(remove));
  leftToTheEnd.push(folder);
  return folder;
}

/** Processes that were just killed may still write for a moment: retried for about a second. */
function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/** A scope for programs that are no tests: `close` runs what was registered, last first. */
export class ManualScope implements Scope {
  readonly #steps: (() => void | Promise<void>)[] = [];

  after(run: () => void | Promise<void>): void {
    this.#steps.push(run);
  }

  async close(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) await step();
  }
}
