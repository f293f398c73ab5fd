// Certificates of clients and leaf nodes whose authorities are asked about them (`ocsp_peer`, `ocsp_cache`), by natsnode and,
// with the same outcome, by the neighbour.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { CertificateAuthority, type CertificateNames, type MadeCertificate } from "./support/certificates.js";
import { freePort } from "./support/free-port.js";
import { until } from "./support/local-cluster.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type OcspResponder, startOcspResponder } from "./support/ocsp-responder.js";
import { type ServerProcess, type ServerProgram, startServerProcess } from "./support/server-process.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const HOUR_MS = 3_600_000;
const programs = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
] as const;

interface World {
  readonly authority: CertificateAuthority;
  readonly responder: OcspResponder;
  /** Paths of the server's certificate, its key and the authority's certificate. */
  readonly files: Readonly<Record<"cert" | "key" | "ca", string>>;
  /** A new certificate whose status can be asked for. */
  issue(names?: CertificateNames): MadeCertificate;
}

async function worldOf(t: TestContext): Promise<World> {
  const authority = new CertificateAuthority();
  const responder = await startOcspResponder(t, authority);
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const served = authority.issue({ dns: ["localhost"], ocspUrl: responder.url });
  return {
    authority,
    responder,
    files: {
      cert: write("cert.pem", served.certificate),
      key: write("key.pem", served.key),
      ca: write("ca.pem", authority.certificate),
    },
    issue: (names) => authority.issue({ dns: ["client"], ocspUrl: responder.url, ...names }),
  };
}

const tlsText = ({ files: { cert, key, ca } }: World, rest = ""): string =>
  `cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", ${rest}`;

/** A server that checks its clients, and its monitoring port. */
async function checking(t: TestContext, program: ServerProgram, world: World, ocspPeer: string, cache = "") {
  const http = await freePort();
  const config = `http: 127.0.0.1:${http}
    accounts { A { users: [{ user: u, password: p }] }, SYS { users: [{ user: s, password: s }] } }
    system_account: SYS
    tls { ${tlsText(world, `verify: true, ocsp_peer: ${ocspPeer}`)} }
    ${cache}`;
  const server = await startServerProcess(t, { program, config, args: ["-D"] });
  const varz = async () => (await (await fetch(`http://127.0.0.1:${http}/varz`)).json()) as Record<string, unknown>;
  return { server, varz };
}

/** Connects with a certificate; undefined: the server does not want it. */
async function connected(
  t: TestContext,
  { port }: ServerProcess,
  { authority }: World,
  { certificate, key }: MadeCertificate,
  login = { user: "u", pass: "p" },
): Promise<NatsConnection | undefined> {
  const tls = { ca: authority.certificate, cert: certificate, key };
  try {
    const client = await connect({ servers: `tls://localhost:${port}`, tls, reconnect: false, ...login });
    t.after(() => client.close());
    return client;
  } catch {
    return undefined;
  }
}

/** What the responder may say, by name; "silence" is status 500. */
const answers = {
  good: {},
  revoked: {},
  unknown: {},
  silence: {},
  "of the past": { nextUpdateMs: Date.now() - HOUR_MS, thisUpdateMs: Date.now() - 2 * HOUR_MS },
  "of the future": { thisUpdateMs: Date.now() + HOUR_MS },
  "old, without an end": { thisUpdateMs: Date.now() - 2 * HOUR_MS, nextUpdateMs: null },
  "of somebody else": { signedBy: new CertificateAuthority("stranger") },
};
type Answer = keyof typeof answers;
const all = Object.keys(answers) as Answer[];

function say({ responder, authority }: World, answer: Answer): void {
  const status = answer === "revoked" || answer === "unknown" ? answer : "good";
  responder.answer = (question) =>
    answer === "silence" ? undefined : authority.answerOcsp(question, status, answers[answer]);
}

const policies: readonly (readonly [ocspPeer: string, letIn: readonly Answer[]])[] = [
  ["true", ["good"]],
  ["{ verify: true, warn_only: true }", all],
  ["{ verify: true, unknown_is_good: true, allow_when_ca_unreachable: true }", ["good", "unknown", "silence"]],
  ["{ verify: true, allowed_clockskew: 90m }", ["good", "of the past", "of the future", "old, without an end"]],
  ["{ verify: true, cache_ttl_when_next_update_unset: 3h }", ["good", "old, without an end"]],
];

for (const [program, skip] of programs) {
  test(`clients come in by what their authority says: ${program}`, { skip, timeout: 60_000 }, async (t) => {
    const world = await worldOf(t);
    for (const [ocspPeer, letIn] of policies) {
      const { server } = await checking(t, program, world, ocspPeer, "ocsp_cache: false");
      const came: Answer[] = [];
      for (const answer of all) {
        say(world, answer);
        if ((await connected(t, server, world, world.issue())) !== undefined) came.push(answer);
      }
      assert.deepEqual(came, letIn, ocspPeer);
    }
  });

  test(`a certificate without a responder, and a chain: ${program}`, { skip, timeout: 30_000 }, async (t) => {
    const world = await worldOf(t);
    const { responder, authority } = world;
    const { server } = await checking(t, program, world, "true");
    assert.ok(await connected(t, server, world, authority.issue({ dns: ["plain"] })));
    assert.equal(responder.asked.length, 0);
    const below = new CertificateAuthority("below", authority, responder.url);
    const made = below.issue({ dns: ["client"] });
    const chained = { ...made, certificate: made.certificate + below.certificate };
    say(world, "good");
    assert.ok(await connected(t, server, world, chained));
    assert.equal(responder.asked.length, 1);
    const revoked = new CertificateAuthority("revoked", authority, responder.url);
    const another = revoked.issue({ dns: ["client"] });
    say(world, "revoked");
    assert.equal(
      await connected(t, server, world, { ...another, certificate: another.certificate + revoked.certificate }),
      undefined,
    );
    // Its key makes another certificate of its name, of which no authority knows.
    for (const validToMs of [Date.now() - HOUR_MS, Date.now() + HOUR_MS]) {
      const certificate = another.certificate + revoked.claim(authority, { validToMs }) + revoked.certificate;
      assert.equal(await connected(t, server, world, { ...another, certificate }), undefined);
    }
  });

  test(`answers are kept, counted and saved: ${program}`, { skip, timeout: 30_000 }, async (t) => {
    const world = await worldOf(t);
    const folder = join(temporaryFolder(t), "kept");
    const cache = `ocsp_cache { type: local, local_store: "${folder}", preserve_revoked: true }`;
    const { server, varz } = await checking(t, program, world, "true", cache);
    const [good, revoked] = [world.issue(), world.issue()];
    for (let i = 0; i < 2; i++) assert.ok(await connected(t, server, world, good));
    say(world, "revoked");
    for (let i = 0; i < 2; i++) assert.equal(await connected(t, server, world, revoked), undefined);
    assert.equal(world.responder.asked.length, 2);
    const { ocsp_peer_cache, tls_ocsp_peer_verify } = await varz();
    const counts = { cached_responses: 2, cached_good_responses: 1, cached_revoked_responses: 1 };
    assert.deepEqual(ocsp_peer_cache, { cache_type: "local", cache_hits: 2, cache_misses: 2, ...counts });
    assert.equal(tls_ocsp_peer_verify, true);
    server.signal("SIGTERM");
    await server.exited();
    const saved = JSON.parse(readFileSync(join(folder, "cache.json"), "utf8")) as Record<string, object>;
    assert.deepEqual(
      Object.values(saved).map((entry) => Object.keys(entry)),
      Array(2).fill(["subject", "cached_at", "resp_status", "resp_expires", "resp"]),
    );
    // Whichever of the two reads the file goes on with it.
    say(world, "silence");
    for (const [other, without] of programs) {
      if (without) continue;
      const next = await checking(t, other, world, "{ verify: true, allow_when_ca_unreachable: true }", cache);
      assert.ok(await connected(t, next.server, world, good), other);
      assert.equal(await connected(t, next.server, world, revoked), undefined, other);
      const { cached_responses, cache_hits } = (await next.varz())["ocsp_peer_cache"] as Record<string, number>;
      assert.deepEqual([cached_responses, cache_hits], [2, 2]);
      await next.server.kill();
    }
  });

  test(`the system account is told of who is turned away: ${program}`, { skip, timeout: 30_000 }, async (t) => {
    const world = await worldOf(t);
    const { server } = await checking(t, program, world, "true");
    const system = await connected(t, server, world, world.authority.issue(), { user: "s", pass: "s" });
    assert.ok(system);
    const advisories = system.subscribe("$SYS.SERVER.*.OCSP.PEER.>", { max: 2 });
    await system.flush();
    say(world, "revoked");
    const subject = [
      ["2.5.4.6", "DE"],
      ["2.5.4.3", "client"],
    ] as const;
    const turnedAway = world.issue({ subject });
    assert.equal(await connected(t, server, world, turnedAway), undefined);
    const told: Record<string, unknown>[] = [];
    for await (const message of advisories) {
      const { id, timestamp, server: sender, ...rest } = message.json<Record<string, unknown>>();
      assert.ok(id && timestamp && (sender as { ver?: string }).ver);
      told.push({ end: message.subject.split(".").slice(3).join("."), ...rest });
    }
    const raw = turnedAway.der.toString("base64");
    const fingerprint = (told[0]["peer"] as Record<string, string>)["fingerprint"];
    assert.match(server.log, new RegExp(fingerprint.replaceAll(/[+/]/g, "\\$&")));
    const peer = { subject: "CN=client,C=DE", issuer: "CN=test authority", fingerprint, raw };
    assert.deepEqual(told, [
      {
        end: "OCSP.PEER.LINK.INVALID",
        type: "io.nats.server.advisory.v1.ocsp_peer_link_invalid",
        link: peer,
        peer,
        reason: "Invalid OCSP response status: revoked",
      },
      {
        end: "OCSP.PEER.CONN.REJECT",
        type: "io.nats.server.advisory.v1.ocsp_peer_reject",
        kind: "Client",
        peer,
        reason: "client not OCSP valid",
      },
    ]);
    await server.logged(/\[WRN\] OCSP verify fail for \[CN=client,C=DE\] with CA status \[revoked\]/);
    await server.logged(/\[ERR\] .* - TLS handshake error: client not OCSP valid/);
  });

  for (const side of ["client", "server"] as const) {
    test(`of a leaf link the ${side} is checked: ${program}`, { skip, timeout: 30_000 }, async (t) => {
      const world = await worldOf(t);
      const [port, http] = [await freePort(), await freePort()];
      const listening = `listen: "127.0.0.1:${port}", tls { ${tlsText(world, `verify: true, ocsp_peer: ${side === "client"}`)} }`;
      const hub = await startServerProcess(t, {
        program,
        config: `http: 127.0.0.1:${http}\nleafnodes { ${listening} }`,
      });
      const leafs = async (): Promise<number> => {
        const leafz = (await (await fetch(`http://127.0.0.1:${http}/leafz`)).json()) as { leafnodes: number };
        return leafz.leafnodes;
      };
      const leafWith = (ocspPeer: boolean): Promise<ServerProcess> => {
        const remote = `url: "tls://localhost:${port}", tls { ${tlsText(world, `ocsp_peer: ${ocspPeer}`)} }`;
        return startServerProcess(t, { program, config: `leafnodes { reconnect: "100ms", remotes [{ ${remote} }] }` });
      };
      say(world, "revoked");
      const leaf = await leafWith(side === "server");
      const refuses = side === "client" ? hub : leaf;
      await refuses.logged(new RegExp(`\\[ERR\\] .* - TLS leafnode handshake error: ${side} not OCSP valid`));
      assert.equal(await leafs(), 0);
      await leaf.kill();
      // What was revoked stays so in the hub's cache; another certificate takes its place.
      say(world, "good");
      const another = world.issue({ dns: ["localhost"] });
      if (side === "client") {
        writeFileSync(world.files.cert, another.certificate);
        writeFileSync(world.files.key, another.key);
      }
      await leafWith(side === "server");
      await until("the leaf node is in", async () => (await leafs()) === 1);
    });
  }

  test(`who checks certificates must ask for them: ${program}`, { skip, timeout: 20_000 }, async (t) => {
    const world = await worldOf(t);
    const config = `tls { ${tlsText(world, "ocsp_peer: true")} }`;
    const text = "OCSP peer verification for client connections requires TLS verify (mTLS) to be enabled";
    await assert.rejects(startServerProcess(t, { program, config }), (error: Error) => error.message.includes(text));
  });
}
