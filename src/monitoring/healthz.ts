// /healthz: whether the server serves (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#health).
import type { JetStreamProblem } from "../server/jetstream-source.js";
import type { Server } from "../server/server.js";

export interface HealthzOptions {
  readonly account?: string;
  readonly stream?: string;
  readonly consumer?: string;
  /** Lists what is wrong instead of naming the first thing. */
  readonly details?: boolean;
}

export interface Health {
  readonly status: "ok" | "error" | "unavailable";
  /** As of HTTP. */
  readonly statusCode: number;
  readonly error?: string;
  readonly errors?: readonly {
    readonly type: string;
    readonly account?: string;
    readonly stream?: string;
    readonly consumer?: string;
    readonly error: string;
  }[];
  /** What of the storage cannot be read or written, while the server serves the rest. */
  readonly problems?: readonly JetStreamProblem[];
}

export function healthz(server: Server, options: HealthzOptions): Health {
  const { account, stream, consumer, details } = options;
  const failure = (statusCode: number, type: string, error: string): Health =>
    details ? { status: "error", statusCode, errors: [{ type, error }] } : { status: "error", statusCode, error };
  if (stream && !account) {
    return failure(400, "BAD_REQUEST", '"account" must not be empty when checking stream health');
  }
  if (consumer && !stream) {
    return failure(400, "BAD_REQUEST", '"stream" must not be empty when checking consumer health');
  }
  if (server.state !== "running") {
    return failure(500, "CONNECTION", "failed to be ready for connections after 1ms: server");
  }
  const fault = account ? server.jetStream?.fault(account, stream ?? "", consumer ?? "") : undefined;
  if (fault === undefined) {
    const { problems = [] } = server.jetStream ?? {};
    return problems.length === 0 || account
      ? { status: "ok", statusCode: 200 }
      : { status: "ok", statusCode: 200, problems };
  }
  const { type, error, statusCode } = fault;
  if (!details) return { status: "unavailable", statusCode, error };
  const names = { account, stream: stream || undefined, consumer: consumer || undefined };
  return { status: "error", statusCode, errors: [{ type, ...names, error }] };
}
