// When a test is over: what the test runners call it.

/**
 * Who says when a test is over: the context of a test of node:test (`t`) or vitest, a function such as vitest's
 * `onTestFinished` or jest's `afterAll`, or undefined when the test closes things itself.
 */
export type TestScope =
  | { after(cleanUp: () => Promise<void>): unknown }
  | { onTestFinished(cleanUp: () => Promise<void>): unknown }
  | ((cleanUp: () => Promise<void>) => unknown)
  | undefined;

/** Calls `cleanUp` once when the test is over. */
export function atEndOf(scope: TestScope, cleanUp: () => Promise<void>): void {
  if (scope === undefined) return;
  // The context of vitest is a function too, which must not be called.
  if ("onTestFinished" in scope) scope.onTestFinished(cleanUp);
  else if ("after" in scope) scope.after(cleanUp);
  else scope(cleanUp);
}
