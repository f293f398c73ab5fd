// The flags that npm start gives the server.
import { join } from "node:path";
import { projectRoot } from "./project.mjs";

/** `given` if there are any; else monitoring on port 8222 and JetStream, stored in the project's folder `data`. */
export function startFlags(given) {
  return given.length > 0 ? given : ["-m", "8222", "-js", "-sd", join(projectRoot, "data")];
}
