// npm start: runs the server from a clone, compiled first when it has to be. Arguments are the server's own
// (npm start -- -c my.conf); without any it listens on port 4222, with monitoring on 8222.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./lib/ensure-built.mjs";
import { fail, projectRoot } from "./lib/project.mjs";

await ensureBuilt().catch((error) => fail(error.message));
const program = join(projectRoot, "bin/natsnode.js");
const given = process.argv.slice(2);
process.argv = [process.argv[0], program, ...(given.length > 0 ? given : ["-m", "8222"])];
await import(pathToFileURL(program).href);
