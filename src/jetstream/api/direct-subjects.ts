// Requests whose answers are messages: they are not for the API, but for who has the stream or consumer and listens to this
// very subject.
import type { Account } from "../../accounts/account.js";

const PREFIXES = ["CONSUMER.MSG.NEXT.", "DIRECT.GET."];

/** Whether it is one of them. @param rest what follows the API's prefix */
export function isDirect(rest: string): boolean {
  return PREFIXES.some((prefix) => rest.startsWith(prefix));
}

/** Whether anybody listens to the subject of a request, besides those who serve the API. @param domain undefined for none */
export function isListenedTo({ sublist }: Account, domain: string | undefined, rest: string): boolean {
  const prefix = domain === undefined ? "$JS.API." : `$JS.${domain}.API.`;
  const { plain, queues } = sublist.match(prefix + rest);
  return [plain, ...queues].some((all) => all.some(({ subject }) => subject !== `${prefix}>`));
}
