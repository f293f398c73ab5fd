// The cases of npm run bench by set: what load programs do, and the configurations of the servers that they load.

// Users with permissions, in an account that maps subjects. Clients log in with nothing, as the user for such.
const permissions = `permissions { publish: ["bench.>", "mapped.>"], subscribe: { allow: ["bench.>", "mapped.>"], deny: "bench.secret" } }`;
const user = `users: [ { user: bench, password: bench, ${permissions} } ]`;
const mappings = `mappings { "bench.*": "mapped.$1" }`;
const configs = {
  permissions: `accounts { BENCH { ${user} } }\nno_auth_user: bench\n`,
  mapped: `accounts { BENCH { ${user}, ${mappings} } }\nno_auth_user: bench\n`,
};

// Clients use the port that stands for {{ws}}.
const websocket = `websocket { listen: "127.0.0.1:{{ws}}", no_tls: true, compression: true }\n`;

// {{store}} stands for a folder on the project's disk: what is synced in memory would cost nothing.
const jetstream = `jetstream { store_dir: "{{store}}" }\n`;
const jetstreamAlways = `jetstream { store_dir: "{{store}}", sync_interval: always }\n`;

// Several servers; publishers use the first one, subscribers the second. CPU is that of all.
const cluster = (routes) => `cluster { name: bench, listen: "127.0.0.1:{{${routes}}}", pool_size: 3,
  routes: ["nats://127.0.0.1:{{0}}", "nats://127.0.0.1:{{1}}", "nats://127.0.0.1:{{2}}"] }\n`;
const leaf = (compression) => [
  `leafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:{{1}}", compression: ${compression} } ] }\n`,
  `leafnodes { listen: "127.0.0.1:{{1}}", compression: ${compression} }\n`,
];
const gateway = (own, other) => `gateway { name: ${own}, listen: "127.0.0.1:{{${own}}}",
  gateways: [ { name: ${other}, url: "nats://127.0.0.1:{{${other}}}" } ] }\n`;
const topologies = {
  gateway: [gateway(0, 1), gateway(1, 0)].map((config) => config.replace(/name: (\d)/g, "name: C$1")),
  cluster: [cluster(0), cluster(1), cluster(2)],
  leaf: leaf("off"),
  compressedLeaf: leaf("s2_auto"),
};

/**
 * The sets of cases, by name; a case is its name, its load program and that one's arguments.
 *
 * publish: publishers, subscribers, messages each, payload bytes, subjects, and for some the prefix of the subjects that
 * subscribers use and the rest of the configuration. request: pairs, requests. idle: connections. websocket: publishers,
 * subscribers, messages each, payload bytes, and what frames are like; websocket-idle: connections, and the same.
 * jetstream-read: pull, get or scatter (gets all over the stream), storage, messages, payload bytes, requests in flight, messages of each.
 * jetstream-publish: storage, publishers, streams, messages in flight and messages of each publisher, payload bytes.
 * @param scale of the numbers of messages and requests; 1 is the whole load
 */
export function benchSets(scale) {
  const times = (count) => Math.round(count * scale);
  return {
    core: [
      ["publish only, 16 B", "publish", 1, 0, times(4e6), 16, 1],
      ["1 to 1, 16 B", "publish", 1, 1, times(3e6), 16, 1],
      ["1 to 4, 16 B", "publish", 1, 4, times(1e6), 16, 1],
      ["4 to 1, 16 B", "publish", 4, 1, times(1e6), 16, 1],
      ["4 to 4, 16 B", "publish", 4, 4, times(1e6), 16, 4],
      ["1 to 1, 128 B", "publish", 1, 1, times(1.5e6), 128, 1],
      ["1 to 1, 1 KB", "publish", 1, 1, times(5e5), 1024, 1],
      ["1 to 4, 1 KB", "publish", 1, 4, times(2e5), 1024, 1],
      ["1 to 1, 64 KB", "publish", 1, 1, times(1e4), 65536, 1],
      ["request-reply, 50 pairs", "request", 50, times(2e5)],
      ["request-reply, 1 pair", "request", 1, times(3e4)],
    ],
    connections: [["idle connections", "idle", times(9000)]],
    websocket: [
      ["WebSocket, 1 to 1, 16 B", "websocket", 1, 1, times(2e6), 16, "plain", "", websocket],
      ["WebSocket, 1 to 1, 1 KB", "websocket", 1, 1, times(4e5), 1024, "plain", "", websocket],
      ["WebSocket, 1 to 1, 16 B, a frame each", "websocket", 1, 1, times(1e6), 16, "single", "", websocket],
      ["WebSocket, 1 to 1, 16 B, compressed", "websocket", 1, 1, times(2e6), 16, "deflate", "", websocket],
      ["WebSocket, 1 to 1, 1 KB, compressed", "websocket", 1, 1, times(2e5), 1024, "deflate", "", websocket],
      ["WebSocket, idle connections", "websocket-idle", times(10_000), "plain", "", "", "", "", websocket],
      [
        "WebSocket, idle connections, compressed",
        "websocket-idle",
        times(10_000),
        "deflate",
        "",
        "",
        "",
        "",
        websocket,
      ],
    ],
    // Compared with its own first case too: permissions and mappings cost next to nothing for a subject that comes again.
    auth: [
      ["1 to 1, 16 B, without a login", "publish", 1, 1, times(3e6), 16, 1],
      ["1 to 1, 16 B, permissions", "publish", 1, 1, times(3e6), 16, 1, "bench", configs.permissions],
      ["1 to 1, 16 B, permissions and a mapped account", "publish", 1, 1, times(3e6), 16, 1, "mapped", configs.mapped],
    ],
    cluster: [
      ["across a route, 16 B", "publish", 1, 1, times(2e6), 16, 1, "bench", topologies.cluster],
      ["across a route, 1 KB", "publish", 1, 1, times(4e5), 1024, 1, "bench", topologies.cluster],
    ],
    gateway: [
      ["across a gateway, 16 B", "publish", 1, 1, times(2e6), 16, 1, "bench", topologies.gateway],
      ["across a gateway, 1 KB", "publish", 1, 1, times(4e5), 1024, 1, "bench", topologies.gateway],
    ],
    leaf: [
      ["from a leaf to its hub, 16 B", "publish", 1, 1, times(2e6), 16, 1, "bench", topologies.leaf],
      ["from a leaf to its hub, 1 KB", "publish", 1, 1, times(4e5), 1024, 1, "bench", topologies.leaf],
      [
        "from a leaf to its hub, 16 B, compressed",
        "publish",
        1,
        1,
        times(2e6),
        16,
        1,
        "bench",
        topologies.compressedLeaf,
      ],
      [
        "from a leaf to its hub, 1 KB, compressed",
        "publish",
        1,
        1,
        times(4e5),
        1024,
        1,
        "bench",
        topologies.compressedLeaf,
      ],
    ],
    jetstream: [
      ["JetStream, publish to memory, 128 B", "jetstream-publish", "memory", 1, 1, 1000, times(3e5), 128, jetstream],
      ["JetStream, publish to memory, 1 KB", "jetstream-publish", "memory", 1, 1, 1000, times(2e5), 1024, jetstream],
      ["JetStream, publish to file, 128 B", "jetstream-publish", "file", 1, 1, 1000, times(3e5), 128, jetstream],
      ["JetStream, publish to file, 1 KB", "jetstream-publish", "file", 1, 1, 1000, times(2e5), 1024, jetstream],
      [
        "JetStream, 1,000 streams on file, 128 B",
        "jetstream-publish",
        "file",
        1,
        1000,
        1000,
        times(2e5),
        128,
        jetstream,
      ],
      [
        "JetStream, publish to file, sync always, 128 B",
        "jetstream-publish",
        "file",
        1,
        1,
        1000,
        times(2e4),
        128,
        jetstreamAlways,
      ],
      [
        "JetStream, publish to file, sync always, 4 publishers, 1 in flight",
        "jetstream-publish",
        "file",
        4,
        1,
        1,
        times(4000),
        128,
        jetstreamAlways,
      ],
      [
        "JetStream, publish to file, 4 publishers, 1 in flight",
        "jetstream-publish",
        "file",
        4,
        1,
        1,
        times(4000),
        128,
        jetstream,
      ],
      [
        "JetStream, pull and ack from memory, 128 B",
        "jetstream-read",
        "pull",
        "memory",
        times(2e5),
        128,
        5,
        100,
        jetstream,
      ],
      [
        "JetStream, pull and ack from file, 128 B",
        "jetstream-read",
        "pull",
        "file",
        times(2e5),
        128,
        5,
        100,
        jetstream,
      ],
      [
        "JetStream, direct get from memory, 128 B",
        "jetstream-read",
        "get",
        "memory",
        times(1e5),
        128,
        50,
        1,
        jetstream,
      ],
      ["JetStream, direct get from file, 128 B", "jetstream-read", "get", "file", times(1e5), 128, 50, 1, jetstream],
      [
        "JetStream, scattered gets from file, 128 B",
        "jetstream-read",
        "scatter",
        "file",
        times(4e5),
        128,
        50,
        1,
        jetstream,
      ],
    ],
  };
}
