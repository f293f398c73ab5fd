// Credential files: a user's JWT and the seed of its key in one text
// (https://docs.nats.io/using-nats/developer/connecting/creds).

/** A credential file that has no JWT, or cannot be read; `cause` is the platform's error. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
  readonly code = "AUTH_CREDENTIALS";
}

export interface UserCredentials {
  readonly jwt: string;
  /** "" in a bearer's. */
  readonly seed: string;
}

const BLOCK = /-{3,}[^\n]*\s+([A-Za-z0-9_\-.=]+)\s+-{3,}/g;

/**
 * Reads the text of a credential file.
 * @throws {CredentialsError}
 */
export function readCredentials(text: string): UserCredentials {
  const blocks = [...text.matchAll(BLOCK)].map(([, content]) => content);
  const jwt = blocks.find((block) => block.split(".").length === 3);
  if (jwt === undefined) throw new CredentialsError("the credentials hold no user JWT");
  return { jwt, seed: blocks.find((block) => block.startsWith("SU")) ?? "" };
}
