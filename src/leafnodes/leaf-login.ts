// Who a leaf node is: the users of the leafnodes block where there are some, else those of clients
// (https://docs.nats.io/running-a-nats-service/configuration/leafnodes/leafnode_conf#authorization-block).
import type { Account } from "../accounts/account.js";
import type { Admission, Credentials, Origin } from "../auth/authenticator.js";
import { signed, userKey } from "../auth/nkey.js";
import type { Permissions } from "../auth/permissions.js";
import { sameText } from "../auth/secret.js";
import type { PeerConnect, PeerPermissions } from "../protocol/peer-info.js";
import { fitsPeerLogin } from "../server/peers/peer-login.js";
import type { Server } from "../server/server.js";
import type { LeafConnection } from "./leaf.js";
import type { LeafAdmission, LeafTold } from "./leaf-host.js";

/** Decides on the login of a leaf node; undefined: refused. */
export function admitLeaf(
  server: Server,
  link: LeafConnection,
  connect: PeerConnect,
): LeafAdmission | undefined | Promise<LeafAdmission | undefined> {
  const { accounts, authenticator, options } = server;
  const { authorization } = options.leafnodes ?? {};
  const { user = "", nkey = "", sig = "" } = connect;
  const bound = (name: string | undefined): LeafAdmission | undefined => {
    const account = name ? accounts.get(name) : accounts.global;
    return account && { account, permissions: undefined, told: {}, granted: undefined };
  };
  if (authorization?.users?.length) {
    const known = authorization.users.find((one) => sameText(one.user ?? "", user));
    return known && boundIf(fitsPeerLogin(server, link, known, connect), () => bound(known.account));
  }
  if (authorization?.user) {
    return boundIf(fitsPeerLogin(server, link, authorization, connect), () => bound(authorization.account));
  }
  if (authorization?.nkey) {
    const key = userKey(authorization.nkey);
    const fits = key !== undefined && nkey === authorization.nkey && signed(key, link.nonce, sig);
    return fits ? bound(authorization.account) : undefined;
  }
  if (!authenticator.required) return bound(authorization?.account);
  const decided = authenticator.authenticate(credentialsOf(connect), originOf(link));
  const admit = (admission: Admission | undefined): LeafAdmission | undefined =>
    admission && {
      account: boundAccount(server, admission, authorization?.account),
      permissions: admission.permissions,
      told: toldOf(admission.permissions),
      granted: admission,
    };
  return decided instanceof Promise ? decided.then(admit) : admit(decided);
}

function boundIf(
  fits: boolean | Promise<boolean>,
  bound: () => LeafAdmission | undefined,
): LeafAdmission | undefined | Promise<LeafAdmission | undefined> {
  const decide = (fitted: boolean): LeafAdmission | undefined => (fitted ? bound() : undefined);
  return fits instanceof Promise ? fits.then(decide) : decide(fits);
}

/** What a leaf node shows. */
export function credentialsOf({ user, pass, auth_token, nkey, sig, jwt, name, version }: PeerConnect): Credentials {
  return {
    user: user ?? "",
    pass: pass ?? "",
    authToken: auth_token,
    nkey: nkey ?? "",
    sig: sig ?? "",
    jwt,
    name,
    version,
  };
}

/** Where it comes from. */
export function originOf(link: LeafConnection): Origin {
  const { transport } = link;
  return {
    type: link.webSocket === undefined ? "LEAFNODE" : "LEAFNODE_WS",
    nonce: link.nonce,
    remoteAddress: transport.remoteAddress,
    inProcess: transport.inProcess,
    isGone: () => link.closed,
    certificate: transport.tls?.peerCertificates[0],
    tls: transport.tls,
    connectionId: link.id,
  };
}

function boundAccount({ accounts }: Server, admission: Admission, name: string | undefined): Account {
  return (name === undefined || admission.user !== undefined ? undefined : accounts.get(name)) ?? admission.account;
}

/** A user's permissions as the leaf node is told them: what it may publish it exports, what it may subscribe to it imports. */
function toldOf(permissions: Permissions | undefined): LeafTold {
  if (permissions === undefined) return {};
  const { publish, subscribe } = permissions.lists();
  const given = (lists: PeerPermissions): PeerPermissions | undefined =>
    lists.allow === undefined && lists.deny === undefined ? undefined : lists;
  return { import: given(subscribe), export: given(publish) };
}
