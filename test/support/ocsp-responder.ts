// An authority's OCSP responder on loopback, which answers as a test wants.
import { once } from "node:events";
import { createServer } from "node:http";
import type { CertificateAuthority } from "./certificates.js";
import type { Scope } from "./temporary-folder.js";

export interface OcspResponder {
  readonly url: string;
  /** The questions so far, in base64. */
  readonly asked: string[];
  /** Makes the answer to a question; undefined: status 500 and none. */
  answer: (question: Buffer) => Buffer | undefined;
}

/** Starts a responder that finds everything good. */
export async function startOcspResponder(scope: Scope, authority: CertificateAuthority): Promise<OcspResponder> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [, question = ""] = /^\/ocsp\/(.+)$/.exec(request.url ?? "") ?? [];
    asked.push(question);
    const answer = responder.answer(Buffer.from(decodeURIComponent(question), "base64"));
    response.statusCode = answer === undefined ? 500 : 200;
    response.end(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as { port: number };
  const responder: OcspResponder = {
    url: `http://127.0.0.1:${port}/ocsp`,
    asked,
    answer: (question) => authority.answerOcsp(question, "good"),
  };
  return responder;
}
