// Which of the connections to another server an account uses (conformance/topology, WIRE.md 2.2).

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the account's name (latin1, its bytes) modulo the number of connections. */
export function poolIndex(account: string, connections: number): number {
  if (connections <= 1) return 0;
  let hash = FNV_OFFSET;
  for (let i = 0; i < account.length; i++) hash = Math.imul(hash ^ account.charCodeAt(i), FNV_PRIME);
  return (hash >>> 0) % connections;
}
