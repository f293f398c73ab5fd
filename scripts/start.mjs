// npm start: runs the server from a clone, compiled first when it has to be. Arguments are the server's own
// (npm start -- -c my.conf); without any it listens on port 4222, with monitoring on 8222 and JetStream in the folder data.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";
import { startFlags } from "./lib/start-flags.mjs";

await ensureBuilt().catch((error) => fail(error.message));
const program = join(projectRoot, "bin/natsnode.js");
process.argv = [process.argv[0], program, ...startFlags(process.argv.slice(2))];
await import(pathToFileURL(program).href);
