/**
 * Counting wrong passwords, whatever becomes of the HSM meanwhile: held, killed, evicted, succeeded.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateHsmCommand,
  DeleteBackupCommand,
  DeleteHsmCommand,
  DescribeBackupsCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { backupsReady, describeCluster, hsmsActive, ZONE } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import {
  ADMIN_PASSWORD,
  ALICE_PASSWORD,
  addHsm,
  backUp,
  login,
  ok,
  removeHsm,
  rest,
  type ServingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";
import { type WrappedBundle, wrappedBundle } from "../wrapped-bundle.ts";
import { LONG_HOLD, WATCHED, WatchedHsm } from "./watched-hsm.ts";

let bundle: WrappedBundle;
let persist: string;
let edge: Edge;
let cluster: ServingCluster;
let hsm: WatchedHsm;
beforeAll(async () => {
  bundle = await wrappedBundle(WATCHED);
});
afterAll(() => bundle.remove());
beforeEach(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-lockout-"));
  ({ edge, cluster } = await servingEdge({ bindings: LONG_HOLD, bundle: bundle.folder, persist }));
  hsm = await WatchedHsm.of(edge, cluster.hsmId);
});
afterEach(async () => {
  await edge.stop();
  await rm(persist, { recursive: true, force: true });
});

async function attempt(username: string, password: string): Promise<[number, string?]> {
  const answer = await rest(edge, "POST", `${cluster.path}/sessions`, { username, password });
  return answer.status === 201 ? [201] : [answer.status, answer.body.error.code];
}

const REFUSED: [number, string] = [401, "login_failed"];

async function guess(count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    expect(await attempt("alice", `wrong-password ${i}`)).toEqual(REFUSED);
}

async function digest(): Promise<string> {
  const { equal, stateDigest } = await ok(edge, "GET", `${cluster.path}/digest`);
  expect(equal).toBe(true);
  return stateDigest;
}

/** What an admin is shown of alice. */
async function alice() {
  const options = { session: cluster.admin };
  const { users } = await ok(edge, "GET", `${cluster.path}/users`, undefined, options);
  return users.find(({ username }: { username: string }) => username === "alice");
}

describe("an HSM that takes no changes", () => {
  it("locks after six of twelve wrong guesses, and its digest stays as it was", async () => {
    await hsm.hold();
    const before = await digest();
    await guess(12);
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual(REFUSED);
    expect(await alice()).toMatchObject({ locked: true, failures: 13 });
    expect(await digest()).toBe(before);

    await hsm.serve();
    expect(await digest()).not.toBe(before);
    expect(await hsm.rows("SELECT user_id FROM attempts WHERE user_id > 0")).toEqual([]);
    expect(await alice()).toMatchObject({ locked: true, failures: 13 });
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual(REFUSED);
  });

  it("lets in by the right password, and forgets the failures before", async () => {
    await guess(3);
    await hsm.hold();
    await guess(2);
    expect(await alice()).toMatchObject({ failures: 5 });
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual([201]);
    expect(await alice()).toMatchObject({ failures: 0 });
    await guess(5);
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual([201]);
  });

  it("has taken the counts of before into its records, when it begins to take none", async () => {
    await guess(6);
    await hsm.hold();
    expect(await hsm.rows("SELECT user_id FROM attempts WHERE user_id > 0")).toEqual([]);
    const held = await digest();
    await hsm.hold();
    await guess(1);
    const backup = await backUp(edge, cluster);
    expect(backup.stateDigest).toBe(held);
    expect(await digest()).toBe(held);
  });
});

describe("counts of wrong passwords", () => {
  it("outlive an eviction and the end of the process, held or not", async () => {
    await guess(3);
    await hsm.abort();
    await hsm.hold();
    await guess(3);
    await edge.stop();
    edge = await startEdge({ bindings: LONG_HOLD, bundle: bundle.folder, persist });
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual(REFUSED);
    expect(await alice()).toMatchObject({ locked: true, failures: 7 });
  });

  it("are in the next backup, as records say", async () => {
    const before = await digest();
    await guess(6);
    expect(await digest()).toBe(before);
    const backup = await backUp(edge, cluster);
    expect(backup.stateDigest).not.toBe(before);
    expect(backup.stateDigest).toBe(await digest());
    expect(await hsm.rows("SELECT user_id FROM attempts WHERE user_id > 0")).toEqual([]);
    expect(await alice()).toMatchObject({ locked: true, failures: 6 });
  });

  it("do not disturb the addition of an HSM, which has them when it leads", async () => {
    const { client, clusterId, hsmId } = cluster;
    const backups = (await backupsReady(client, clusterId, 1)).length;
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    let isFilled = false;
    const joined = hsmsActive(client, clusterId, 2).then(() => {
      isFilled = true;
    });
    let guesses = 0;
    for (; !isFilled || guesses < 6; guesses++) await guess(1);
    await joined;
    expect(await backupsReady(client, clusterId, backups + 1)).toHaveLength(backups + 1);
    const { Hsms = [] } = await describeCluster(client, clusterId);
    expect(Hsms.map(({ State }) => State)).toEqual(["ACTIVE", "ACTIVE"]);

    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 1);
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual(REFUSED);
    cluster = { ...cluster, admin: await login(edge, cluster.path, "admin", ADMIN_PASSWORD) };
    expect(await alice()).toMatchObject({ locked: true, failures: guesses + 1 });
  });

  it("are on a peer before the answer, also of a held leader, and hold when the peer leads", async () => {
    const { client, clusterId, hsmId, path } = cluster;
    await addHsm(client, clusterId, 2);
    const { hsms } = await ok(edge, "GET", `${path}/digest`);
    const other = hsms.find((row) => row.hsmId !== hsmId);
    const peer = await WatchedHsm.of(edge, other?.hsmId ?? "");
    const rows = "SELECT user_id, failures, locked, number FROM attempts ORDER BY user_id";
    await guess(1);
    await attempt("nobody", "wrong-password");
    expect(await hsm.rows(rows)).toHaveLength(2);
    expect(await peer.rows(rows)).toEqual(await hsm.rows(rows));

    await backUp(edge, cluster); // Takes them into the records of both.
    expect(await hsm.rows("SELECT user_id FROM attempts WHERE user_id > 0")).toEqual([]);
    expect(await peer.rows(rows)).toEqual(await hsm.rows(rows));

    await hsm.hold();
    await guess(6);
    expect(await peer.rows(rows)).toEqual(await hsm.rows(rows));
    await digest();
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 1);
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual(REFUSED);
    cluster = { ...cluster, admin: await login(edge, path, "admin", ADMIN_PASSWORD) };
    expect(await alice()).toMatchObject({ locked: true, failures: 8 });
  });
});

describe("an HSM that does not judge logins", () => {
  it("derives, writes and tells nothing, whatever the password: a follower, one that retired", async () => {
    await addHsm(cluster.client, cluster.clusterId, 2);
    const { hsms } = await ok(edge, "GET", `${cluster.path}/digest`);
    const other = hsms.find((row) => row.hsmId !== cluster.hsmId);
    const peer = await WatchedHsm.of(edge, other?.hsmId ?? "");
    await guess(2);
    await hsm.retire();
    expect(await hsm.rows("SELECT user_id FROM attempts WHERE user_id > 0")).toEqual([]);
    await hsm.seen();
    for (const password of [ALICE_PASSWORD, "wrong-password"]) {
      expect(await peer.login("alice", password)).toBe("not_leader");
      expect(await hsm.login("alice", password)).toBe("hsm_leaving");
    }
    expect(await hsm.seen()).toEqual({ derivations: [], pushes: 0, written: [] });
  });
});

describe("a restore in the same cluster", () => {
  it("brings the counts of its backup back: the bound on guesses is that of one restore", async () => {
    const { client, clusterId } = cluster;
    await backUp(edge, cluster);
    await guess(6);
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual(REFUSED);
    await removeHsm(client, clusterId);
    const states = ["READY"];
    const order = new DescribeBackupsCommand({ Filters: { clusterIds: [clusterId], states } });
    const [newest] = (await client.send(order)).Backups ?? [];
    await client.send(new DeleteBackupCommand({ BackupId: newest?.BackupId }));
    await addHsm(client, clusterId, 1);
    expect(await attempt("alice", ALICE_PASSWORD)).toEqual([201]);
  });
});
