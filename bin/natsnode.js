#!/usr/bin/env node
// The program. SIGUSR1 is taken over before anything else is loaded: until somebody handles it, Node opens its inspector on it.
const reopen = { pending: false, handle: undefined };
process.on("SIGUSR1", () => {
  if (reopen.handle === undefined) reopen.pending = true;
  else reopen.handle();
});

const [{ main }, { nodeHost }, { nodeRuntime }] = await Promise.all([
  import("../dist/src/cli/main.js"),
  import("../dist/src/cli/host.js"),
  import("../dist/src/runtime/node/index.js"),
]);
const loadServer = async () => (await import("../dist/src/natsnode.js")).createServer;
process.exit(
  await main(process.argv.slice(2), nodeHost(reopen), {
    runtime: nodeRuntime(),
    loadServer,
    loadLabServer: loadServer,
  }),
);
