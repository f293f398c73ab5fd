// Scopes: what the users of a signing key get, with `{{...}}` in subjects filled in from the user and its account
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt, "Signing keys").
import { isValidSubject } from "../../subjects/validity.js";
import type { ClaimedPermissions } from "./claims-reader.js";
import { JwtError } from "./jwt.js";
import { hasNoGrants, type UserClaims, type UserGrants } from "./user-claims.js";

/** Subjects that one list of a template may grow to. */
export const MAX_TEMPLATE_SUBJECTS = 4_096;

const PLACEHOLDER = /\{\{([^}]+)\}\}/g;
const TAG = /^(account-)?tag\((.*)\)$/i;
/** Stands for a tag that the user does not have: no subject holds it. */
const NOTHING = " ";

/** Facts about the account that templates may name. */
export interface TemplateAccount {
  readonly name: string;
  readonly tags: readonly string[];
}

/**
 * What a user of a signing key with a scope may do.
 * @throws {JwtError} JWT_CLAIMS when the user grants itself something, or the template cannot be filled in
 */
export function scopedGrants(template: UserGrants, user: UserClaims, account: TemplateAccount): UserGrants {
  if (!hasNoGrants(user)) {
    throw invalid("scoped signers require users with no permissions or limits set");
  }
  const fill = (list: readonly string[], isDeny: boolean): readonly string[] => filledIn(list, isDeny, user, account);
  const { publishAllow, publishDeny, subscribeAllow, subscribeDeny, responses } = template.permissions;
  const filled = { publishAllow: fill(publishAllow, false), subscribeAllow: fill(subscribeAllow, false) };
  // When nothing is left of what is allowed, nothing is allowed.
  const denied = (deny: readonly string[], before: readonly string[], after: readonly string[]): readonly string[] =>
    before.length > 0 && after.length === 0 ? [...fill(deny, true), ">"] : fill(deny, true);
  const permissions: ClaimedPermissions = {
    ...filled,
    publishDeny: denied(publishDeny, publishAllow, filled.publishAllow),
    subscribeDeny: denied(subscribeDeny, subscribeAllow, filled.subscribeAllow),
    responses,
  };
  return { ...template, permissions };
}

function filledIn(
  list: readonly string[],
  isDeny: boolean,
  user: UserClaims,
  account: TemplateAccount,
): readonly string[] {
  const subjects: string[] = [];
  for (const entry of list) {
    let partial = [""];
    let at = 0;
    for (const match of entry.matchAll(PLACEHOLDER)) {
      const before = entry.slice(at, match.index);
      at = match.index + match[0].length;
      const values = valuesOf(match[1].trim(), entry, isDeny, user, account);
      if (partial.length * values.length > MAX_TEMPLATE_SUBJECTS) throw tooMany();
      partial = partial.flatMap((start) => values.map((value) => start + before + value));
    }
    for (const start of partial) {
      const subject = start + entry.slice(at);
      const [name, ...queue] = subject.split(" ");
      const isFilled = at > 0;
      if (!isFilled || (isValidSubject(name) && (queue.length === 0 || isQueue(entry, queue)))) subjects.push(subject);
      // A denial that cannot be said must not turn into a permission.
      else if (isDeny) throw invalid("generated invalid subject");
    }
    if (subjects.length > MAX_TEMPLATE_SUBJECTS) throw tooMany();
  }
  return subjects;
}

function isQueue(entry: string, queue: readonly string[]): boolean {
  return entry.trim().includes(" ") && queue.length === 1 && isValidSubject(queue[0]);
}

function valuesOf(
  operation: string,
  entry: string,
  isDeny: boolean,
  user: UserClaims,
  account: TemplateAccount,
): readonly string[] {
  switch (operation.toLowerCase()) {
    case "name()":
      return [user.name];
    case "subject()":
      return [user.subject];
    case "account-name()":
      return [account.name];
    case "account-subject()":
      return [user.issuerAccount];
  }
  const match = TAG.exec(operation);
  if (match === null) throw invalid(`template operation in "${entry}": "${operation}" is not defined`);
  const prefix = `${match[2].toLowerCase()}:`;
  const tags = match[1] === undefined ? user.tags : account.tags;
  const values = tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
  if (values.length > 0) return values;
  if (isDeny) throw invalid(`generated invalid subject "${entry}": "${match[2]}" is not defined`);
  return [NOTHING];
}

function tooMany(): JwtError {
  return invalid(`template expansion exceeds limit: ${MAX_TEMPLATE_SUBJECTS}`);
}

function invalid(message: string): JwtError {
  return new JwtError("JWT_CLAIMS", message);
}
