// Folders that live as long as one test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whoever calls things back when it is over: a test context of node:test, or anything with `after`. */
export interface Scope {
  after(run: () => void | Promise<void>): void;
}

/** A new empty folder, removed when `scope` ends. */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "natsnode-"));
  // Servers that are being ended may still write for a moment: retried for about a second.
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }));
  return folder;
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
