// Names of streams and consumers, and subjects as the API writes them: text in JSON, latin1 bytes on the wire.
import { encodeSubject } from "../options/subject-bytes.js";
import { hasBlank, isValidSubject } from "../subjects/validity.js";

export const MAX_NAME_BYTES = 255;
const NOT_IN_NAMES = /[.*>\\/\s]/;

/** Whether a stream or consumer can be called so. */
export function isValidName(name: string): boolean {
  return name !== "" && !NOT_IN_NAMES.test(name);
}

/** A subject of the API's JSON as the server compares it. */
export function wireSubject(text: string): string {
  return encodeSubject(text);
}

/** Whether it can be subscribed to, written as in JSON. */
export function isUsableSubject(text: string): boolean {
  return isValidSubject(text) && !hasBlank(text);
}
