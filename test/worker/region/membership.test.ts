/**
 * Writes while the membership changes: what was acknowledged is there afterwards, whoever is left.
 */
import { DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestBody } from "../../lib/answers.ts";
import { hsmsActive } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import { ALICE_PASSWORD, addHsm, login, ok, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let edge: Edge;
let cluster: ServingCluster;
beforeAll(async () => {
  ({ edge, cluster } = await servingEdge());
}, 120_000);
afterAll(() => edge.stop());

const WRITERS = 4;

/** Generates keys, several at a time, until told to stop; a refused one is not counted. */
function startWriting() {
  const acknowledged: string[] = [];
  let stopped = false;
  const write = async (writer: number) => {
    let session = cluster.alice;
    for (let count = 0; !stopped; count++) {
      const label = `key ${writer}/${count}`;
      const order = { type: "aes", sizeBits: 256, label };
      const path = `${cluster.path}/keys:generate`;
      const { status } = await rest(edge, "POST", path, order, { session });
      if (status === 201) acknowledged.push(label);
      if (status === 401) session = await tryLogin(session);
    }
  };
  const running = Array.from({ length: WRITERS }, (_, writer) => write(writer));
  return {
    async stop() {
      stopped = true;
      await Promise.all(running);
      return acknowledged;
    },
  };
}

/** Sessions are an HSM's own: with another leader the client logs in again, when one answers. */
async function tryLogin(session: string): Promise<string> {
  const credentials = { username: "alice", password: ALICE_PASSWORD };
  const { body } = await rest(edge, "POST", `${cluster.path}/sessions`, credentials);
  return body.token ?? session;
}

const WRITING_MS = 500;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a client that writes all the time", () => {
  it("finds every acknowledged key after HSMs have come and gone, and after all have gone", async () => {
    const { client, clusterId, hsmId, path } = cluster;
    const writing = startWriting();
    await sleep(WRITING_MS);
    await addHsm(client, clusterId, 2);
    await sleep(WRITING_MS);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    const { Hsms = [] } = await hsmsActive(client, clusterId, 1);
    await sleep(WRITING_MS);
    const HsmId = Hsms[0]?.HsmId ?? "";
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId }));
    await hsmsActive(client, clusterId, 0);
    const acknowledged = await writing.stop();
    expect(acknowledged.length).toBeGreaterThan(5);

    await addHsm(client, clusterId, 1);
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const labels = new Set<string>();
    let after: number | null = 0;
    while (after !== null) {
      const list = `${path}/keys?after=${after}&limit=1000`;
      const page: RestBody = await ok(edge, "GET", list, undefined, { session });
      for (const { label } of page.keys) labels.add(label);
      after = page.next;
    }
    expect(acknowledged.filter((label) => !labels.has(label))).toEqual([]);
  });
});
