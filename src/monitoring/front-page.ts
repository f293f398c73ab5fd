// The front page of monitoring: links to all other pages.
import { COMPATIBILITY_VERSION, NATSNODE_VERSION } from "../protocol/version.js";

const LINKS: readonly (readonly [path: string, title: string])[] = [
  ["/varz", "General"],
  ["/jsz", "JetStream"],
  ["/connz", "Connections"],
  ["/accountz", "Accounts"],
  ["/accstatz", "Account Stats"],
  ["/subsz", "Subscriptions"],
  ["/routez", "Routes"],
  ["/leafz", "LeafNodes"],
  ["/gatewayz", "Gateways"],
  ["/raftz", "Raft Groups"],
  ["/healthz", "Health Probe"],
  ["/metrics", "Prometheus"],
  ["/debug/vars", "Expvar"],
];

/** `basePath` without a slash at its end, "" for none. */
export function frontPage(basePath: string): string {
  const items = LINKS.map(
    ([path, title]) => `    <li><a href="${escapeHtml(basePath + path)}">${title}</a> <code>${path}</code></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>NATS server monitoring</title>
  <style>
    body { font-family: system-ui, sans-serif; margin: 2rem; color: #222 }
    ul { list-style: none; padding: 0; line-height: 1.8 }
    a { color: #2a5a8a; text-decoration: none }
    a:hover { text-decoration: underline }
    code { color: #888; font-size: 0.8rem; margin-left: 0.5rem }
  </style>
</head>
<body>
  <h1>NATS server</h1>
  <p>v${COMPATIBILITY_VERSION} (natsnode ${NATSNODE_VERSION})</p>
  <ul>
${items.join("\n")}
  </ul>
  <p><a href="https://docs.nats.io/running-a-nats-service/nats_admin/monitoring">Help</a></p>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;" },
  ...{ '"': "&#34;", "'": "&#39;" },
};

/** Text for HTML, also within quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char]);
}
