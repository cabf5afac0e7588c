/**
 * What people have as certificates, taken in at the edge: its platform reads otherwise than Node.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CERTIFICATE_CASES, certificateCase } from "../../hsm/certificates/cases.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { rest, type ServingCluster, servingCluster } from "../../lib/rest.ts";

let edge: Edge;
let cluster: ServingCluster;
beforeAll(async () => {
  edge = await startEdge();
  cluster = await servingCluster(edge);
});
afterAll(() => edge.stop());

function asAlice(method: string, path: string, body?: unknown) {
  return rest(edge, method, `${cluster.path}${path}`, body, { session: cluster.alice });
}

describe("certificates at the edge", () => {
  it.each(CERTIFICATE_CASES)("$file", async ({ file, refused, subject }) => {
    const answer = await asAlice("POST", "/certificates", { pem: certificateCase(file) });
    if (refused === null) {
      expect(answer).toMatchObject({ status: 201, body: { certificates: [{ subject }] } });
    } else {
      expect([answer.status, answer.body.error.code]).toEqual([400, "certificate_unreadable"]);
      expect(answer.body.error.message).toContain(refused);
    }
  });
});
