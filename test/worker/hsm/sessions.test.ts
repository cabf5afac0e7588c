/**
 * Sessions as rows of an HSM: a share for each user, some kept for admins.
 */
import { CreateHsmCommand, DeleteHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hsmsActive, ZONE } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import {
  ADMIN_PASSWORD,
  ALICE_PASSWORD,
  login,
  rest,
  type ServingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { WATCHED, WatchedHsm } from "./watched-hsm.ts";

let bundle: WrappedBundle;
let edge: Edge;
let cluster: ServingCluster;
let hsm: WatchedHsm;
beforeAll(async () => {
  bundle = await wrappedBundle(WATCHED);
  ({ edge, cluster } = await servingEdge({ bundle: bundle.folder }));
  hsm = await WatchedHsm.of(edge, cluster.hsmId);
});
afterAll(async () => {
  await edge.stop();
  await bundle.remove();
});

async function statusOf(session: string): Promise<number> {
  const path = `${cluster.path}/sessions/current`;
  return (await rest(edge, "GET", path, undefined, { session })).status;
}

describe("sessions of an HSM", () => {
  it("are sixteen for one user: the one unused for longest ends", async () => {
    const tokens: string[] = [];
    for (let i = 0; i < 16; i++)
      tokens.push(await login(edge, cluster.path, "alice", ALICE_PASSWORD));
    expect(await statusOf(cluster.alice)).toBe(401);
    expect(await Promise.all(tokens.map(statusOf))).toEqual(tokens.map(() => 200));
    expect(await statusOf(cluster.admin)).toBe(200);
    const counted = "SELECT user_id, count(*) AS n FROM sessions GROUP BY user_id ORDER BY n";
    expect((await hsm.rows(counted)).map(({ n }) => n)).toEqual([1, 16]);
  });

  it("let an admin in when other users hold all they may", async () => {
    await hsm.rows(
      // They are counted, and as nobody has their tokens never read: their MACs need not be right.
      `INSERT INTO sessions (digest, user_id, officer, expires_at_ms, mac)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 944)
       SELECT 'digest ' || i, 100 + i / 16, 0, 9000000000000, x'00' FROM n`,
    );
    const user = { username: "bob", role: "CU", password: "bob-password-1" };
    const options = { session: await login(edge, cluster.path, "admin", ADMIN_PASSWORD) };
    expect((await rest(edge, "POST", `${cluster.path}/users`, user, options)).status).toBe(201);
    const { status, body } = await rest(edge, "POST", `${cluster.path}/sessions`, {
      username: "bob",
      password: user.password,
    });
    expect([status, body.error.code]).toEqual([409, "session_limit"]);
    expect(body.error.message).toContain("960");
  });

  it("of a build that did not authenticate rows are not believed, nor is anything else", async () => {
    await hsm.rows("ALTER TABLE local DROP COLUMN mac");
    await hsm.rows("DROP TABLE own_sum");
    await hsm.abort();
    const path = `${cluster.path}/sessions/current`;
    const { status, body } = await rest(edge, "GET", path, undefined, { session: cluster.admin });
    expect([status, body.error.code]).toEqual([503, "hsm_memory_unauthenticated"]);
    expect(body.error.message).toContain("DeleteHsm, then CreateHsm");
    const { client, clusterId, hsmId } = cluster;
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    await hsmsActive(client, clusterId, 1);
    expect(await login(edge, cluster.path, "admin", ADMIN_PASSWORD)).toMatch(/^[\w-]{43}$/);
  });
});
