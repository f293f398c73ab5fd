// Credential files: a user's JWT and the seed of its key in one text
// (https://docs.nats.io/using-nats/developer/connecting/creds).

/** The text of a credential file. A bearer's needs no seed, but clients expect one. */
export function credsText(token: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${token}
------END NATS USER JWT------

************************* IMPORTANT *************************
The seed below proves who the user is. Whoever has it can log in:
keep this file secret.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;
}
