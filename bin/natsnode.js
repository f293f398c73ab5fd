#!/usr/bin/env node
// The program. SIGUSR1 is taken over before anything else is loaded: until somebody handles it, Node opens its inspector on it.
const reopen = { pending: false, handle: undefined };
process.on("SIGUSR1", () => {
  if (reopen.handle === undefined) reopen.pending = true;
  else reopen.handle();
});

const [{ run }, { nodeHost }] = await Promise.all([import("../dist/src/cli/run.js"), import("../dist/src/cli/host.js")]);
process.exit(await run(process.argv.slice(2), nodeHost(reopen)));
