// The name of the cluster, or of the server, at the other end of a leaf link.
import { encodeSubject } from "../options/subject-bytes.js";

/** The name that a leaf node's interest and messages cross the routes with, latin1; one of a server may have blanks. */
export function leafClusterOf(name = ""): string {
  return encodeSubject(name).replace(/[\x00-\x20\x7f]/g, "_");
}
