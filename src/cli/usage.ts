// What the program says about itself: the list of its flags, its version, and help on TLS.
import { COMPATIBILITY_VERSION } from "../protocol/version.js";
import { FLAG_GROUPS, type Flag } from "./flags.js";

/** The line of `--version`. */
export const versionLine = `nats-server: v${COMPATIBILITY_VERSION}\n`;

const HELP_COLUMN = 36;
const WIDTH = 110;

/** The list of all flags. */
export function usage(): string {
  const lines = [
    "Usage: natsnode [options]",
    "       natsnode auth COMMAND      operators, accounts, users and their credentials",
    "       natsnode closest URL...    how far servers are, the nearest first",
    "       natsnode config COMMAND    check, print or describe a configuration",
  ];
  for (const { title, flags } of FLAG_GROUPS) {
    lines.push("", `${title} options:`);
    for (const flag of flags) {
      const head = `    ${names(flag)}`;
      const help = wrap(flag.help, WIDTH - HELP_COLUMN);
      if (head.length < HELP_COLUMN - 1) lines.push(head.padEnd(HELP_COLUMN) + help.shift());
      else lines.push(head);
      for (const line of help) lines.push(" ".repeat(HELP_COLUMN) + line);
    }
  }
  return `${lines.join("\n")}\n`;
}

function names(flag: Flag): string {
  const shown = flag.names.map((name) => (/^(..?|DVV)$/.test(name) ? `-${name}` : `--${name}`)).join(", ");
  return `${shown.startsWith("--") ? "    " : ""}${shown}${flag.value === undefined ? "" : ` ${flag.value}`}`;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

const CIPHER_SUITES = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
  "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
  "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
  "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
  "TLS_RSA_WITH_AES_128_CBC_SHA",
  "TLS_RSA_WITH_AES_128_CBC_SHA256",
  "TLS_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_RSA_WITH_AES_256_CBC_SHA",
  "TLS_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_RSA_WITH_RC4_128_SHA",
];
const CURVES = [
  "X25519MLKEM768",
  "SecP256r1MLKEM768",
  "SecP384r1MLKEM1024",
  "X25519",
  "CurveP256",
  "CurveP384",
  "CurveP521",
];

/** The text of `--help_tls`. */
export function tlsHelp(): string {
  const column = (names: readonly string[]): string => names.map((name) => `    ${name}\n`).join("");
  return `A configuration file describes TLS in blocks named tls: one for clients, and one each inside cluster,
leafnodes, gateway, websocket and mqtt.

    tls {
        cert_file: "/etc/nats/server-cert.pem"    # certificate of this server
        key_file:  "/etc/nats/server-key.pem"     # its private key
        ca_file:   "/etc/nats/ca.pem"             # authorities for the other side's certificate
        verify:    true                           # ask for a certificate and check it
        timeout:   2                              # seconds for the handshake

        cipher_suites: [ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256" ]
        curve_preferences: [ "X25519", "CurveP256" ]
    }

With verify_and_map in place of verify, the certificate also names the user. Names of cipher suites:

${column(CIPHER_SUITES)}
Names of curves, the first three with a post-quantum part:

${column(CURVES)}
OCSP: "ocsp_peer: true" in a tls block that verifies lets the server ask the authority whether the other side's
certificate still holds, and "ocsp_cache: true" at the top of the file keeps the answers. The server's own certificate
is covered by the block ocsp.
`;
}
