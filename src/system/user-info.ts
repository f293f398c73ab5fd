// The answer to `$SYS.REQ.USER.INFO`: who a user is and what it may do.
import { nanoseconds } from "../protocol/durations.js";
import { bytesAsText } from "../protocol/json.js";
import type { Requester } from "../server/connection-status.js";

/** @throws Error for a requester that is no client */
export function userInfo(requester: Requester | undefined): object {
  if (requester === undefined) throw new Error("only clients have a user");
  const { user, account, accountLabel, userLabel, permissions } = requester;
  return {
    user,
    account,
    account_name: accountLabel,
    user_name: userLabel || undefined,
    permissions: permissions && {
      publish: rules(permissions.publish, permissions.allowResponses !== undefined),
      subscribe: rules(permissions.subscribe, false),
      responses: permissions.allowResponses && {
        max: permissions.allowResponses.maxMsgs,
        ttl: nanoseconds(permissions.allowResponses.expiresMs),
      },
    },
  };
}

interface Rules {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

// With allow_responses alone nothing else may be published.
function rules(rules: Rules | undefined, onlyListed: boolean): object {
  const texts = (subjects: readonly string[] | undefined): string[] | undefined =>
    subjects?.length ? subjects.map(bytesAsText) : undefined;
  const deniesAll = onlyListed && !rules?.allow?.length;
  return { allow: texts(rules?.allow), deny: deniesAll ? [">"] : texts(rules?.deny) };
}
