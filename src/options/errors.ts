// What is wrong with a set of options, in words for the person who wrote them.

/**
 * - `OPTIONS_TYPE`: a value of another type than the table says
 * - `OPTIONS_VALUE`: a value out of its range, or options that do not go together
 * - `OPTIONS_UNKNOWN`: a name that the table does not have
 * - `OPTIONS_UNBUILT`: an option that would restrict the server and that it cannot honour yet
 */
export type OptionsErrorCode = "OPTIONS_TYPE" | "OPTIONS_VALUE" | "OPTIONS_UNKNOWN" | "OPTIONS_UNBUILT";

/** Thrown before anything listens. `path` names the option, such as `authorization.users[0].user`. */
export class OptionsError extends Error {
  readonly code: OptionsErrorCode;
  readonly path: string;

  constructor(code: OptionsErrorCode, path: string, message: string) {
    super(message);
    this.name = "OptionsError";
    this.code = code;
    this.path = path;
  }
}
