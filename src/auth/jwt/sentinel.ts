// The default sentinel: a user JWT that stands in for clients that show none. It is public, so it has to be one that opens
// nothing by itself without a callout or a scope.
import { OptionsError } from "../../options/errors.js";
import { JwtError } from "./jwt.js";
import { decodeUserClaims, hasNoGrants, type UserClaims } from "./user-claims.js";

/** @throws {OptionsError} OPTIONS_VALUE when it is no user JWT, or one that needs a signature */
export function checkSentinel(jwt: string): void {
  if (jwt === "") return;
  let claims: UserClaims;
  try {
    claims = decodeUserClaims(jwt);
  } catch (error) {
    if (error instanceof JwtError) throw invalid("default sentinel JWT not valid");
    throw error;
  }
  // A user of a signing key with a scope may be made a bearer by that.
  const mayBeScoped = claims.issuerAccount !== "" && hasNoGrants(claims);
  if (!claims.grants.bearer && !mayBeScoped) throw invalid("default sentinel must be a bearer token");
}

function invalid(message: string): OptionsError {
  return new OptionsError("OPTIONS_VALUE", "defaultSentinel", message);
}
