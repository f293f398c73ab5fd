// A check of passwords for the tests of this room, without threads.
import { compare } from "bcryptjs";
import { SecretCheck } from "./secret.js";

/** `perSource` may wait at one address. */
export function testSecrets({ perSource = 256 } = {}): SecretCheck {
  return new SecretCheck({
    hasher: {
      parallel: 1,
      fits: (password, hash) => compare(password, hash).catch(() => false),
      close: async () => {},
    },
    random: { float: () => 0, below: () => 0, bytes: (count) => new Uint8Array(count) },
    limits: { waiting: { perSource, total: 4096 }, proven: 2 },
  });
}
