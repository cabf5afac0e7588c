/**
 * Every state of every key of the deployment: what may still be opened, what may be made, and that
 * it is told by name. docs/DEPLOY.md has the table.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateHsmCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  refusal,
  until,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, startEdge, testSecrets } from "../../lib/mf.ts";
import { addHsm, backUp, ok, removeHsm, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

interface Key {
  id: string;
  version?: number;
  state: string;
  key: string | null;
}

/** Where each kind of key is in the variables, and what its kind is called. */
const KINDS = {
  cmk: { variable: "LOCAL_KMS", list: "keys", name: "KMS key" },
  mkbk: { variable: "MANUFACTURER", list: "mkbk", name: "manufacturer key" },
  akbk: { variable: "OPERATOR", list: "akbk", name: "operator key" },
} as const;
type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];

/** A new active version of a key. */
function successorOf(key: Key): Key {
  const id = randomBytes(16).toString("hex");
  const fresh = { ...key, id, state: "active", key: randomBytes(32).toString("base64") };
  return key.version === undefined ? fresh : { ...fresh, version: key.version + 1 };
}

/** What becomes of the one key there is. */
const STATES: Record<string, (key: Key) => Key[]> = {
  retired: (key) => [{ ...key, state: "retired" }],
  destroyed: (key) => [{ ...key, state: "destroyed", key: null }],
  missing: (key) => [successorOf(key)],
};

async function bindingsWith(kinds: readonly Kind[], change: (key: Key) => Key[]) {
  const { bindings } = await testSecrets();
  const entries = kinds.map((kind) => {
    const { variable, list } = KINDS[kind];
    const value = JSON.parse(bindings[variable] ?? "{}");
    return [variable, JSON.stringify({ ...value, [list]: change(value[list][0]) })];
  });
  return Object.fromEntries(entries);
}

let persist: string;
let edge: Edge;
/** With an HSM that was made under the first keys. */
let cluster: ServingCluster;
/** Without one: its newest backup is to be restored. */
let emptied: ServingCluster;
let backup: { backupId: string; stateDigest: string };

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-states-"));
  ({ edge, cluster, other: emptied } = await servingEdge({ persist }, "two"));
  backup = await backUp(edge, cluster);
  await removeHsm(emptied.client, emptied.clusterId);
}, 120_000);

afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
});

async function restart(bindings: Record<string, string>): Promise<void> {
  await edge.stop();
  edge = await startEdge({ persist, bindings });
}

/** Verify, inspect, CreateCluster from the backup, and a restore onto an HSM of that cluster. */
async function expectOpens(backupId: string, stateDigest: string): Promise<void> {
  const verified = await ok(edge, "POST", `/v1/backups/${backupId}/verify`);
  expect(verified.stateDigest).toBe(stateDigest);
  const inspected = await ok(edge, "GET", `/v1/backups/${backupId}/inspect`);
  expect(inspected.stateDigest).toBe(stateDigest);
  const client = await cloudHsm(edge);
  const clusterId = await createCluster(client, { SourceBackupId: backupId });
  await clusterInState(client, clusterId, "ACTIVE");
  await addHsm(client, clusterId, 1);
  const digest = await ok(edge, "GET", `/v1/clusters/${clusterId}/digest`);
  expect(digest.stateDigest).toBe(stateDigest);
}

/** The same four, each refused by the name of the key. */
async function expectOpensNothing(kind: Kind, found: string): Promise<void> {
  const verified = await rest(edge, "POST", `/v1/backups/${backup.backupId}/verify`);
  const { message } = verified.body.error;
  expect(message).toContain(`is ${found} here`);
  const refused = { status: 400, body: { error: { code: `key_mismatch_${kind}`, message } } };
  expect(verified).toMatchObject(refused);
  expect(await rest(edge, "GET", `/v1/backups/${backup.backupId}/inspect`)).toMatchObject(refused);
  const client = await cloudHsm(edge);
  const made = createCluster(client, { SourceBackupId: backup.backupId });
  expect((await refusal(made)).message).toBe(message);
  const ClusterId = emptied.clusterId;
  await client.send(new CreateHsmCommand({ ClusterId, AvailabilityZone: ZONE }));
  const { Hsms = [] } = await until(
    () => describeCluster(client, ClusterId),
    (described) => described.Hsms?.[0]?.State === "DEGRADED",
    30_000,
  );
  expect(Hsms[0]?.StateMessage).toContain(`is ${found} here`);
  await removeHsm(client, ClusterId);
}

async function expectMakes(): Promise<void> {
  const made = await backUp(edge, cluster);
  expect(made).toMatchObject({ state: "READY", failure: null });
  const verified = await ok(edge, "POST", `/v1/backups/${made.backupId}/verify`);
  expect(verified.stateDigest).toBe(made.stateDigest);
}

async function expectMakesNothing(kind: Kind): Promise<void> {
  const reason = `There is no active ${KINDS[kind].name}`;
  const made = await backUp(edge, cluster);
  expect(made).toMatchObject({ state: "DELETED", failure: expect.stringContaining(reason) });
  const described = await describeCluster(await cloudHsm(edge), cluster.clusterId);
  expect(described.StateMessage).toContain(reason);
}

describe("with all keys active", () => {
  it("a backup opens, and another is made", async () => {
    await expectOpens(backup.backupId, backup.stateDigest);
    await expectMakes();
  }, 60_000);
});

describe.each(ALL)("with a %s", (kind) => {
  const column = async (state: string) =>
    restart(await bindingsWith([kind], STATES[state] ?? ((key) => [key])));

  it("retired and no other, a backup opens, and none is made", async () => {
    await column("retired");
    await expectOpens(backup.backupId, backup.stateDigest);
    await expectMakesNothing(kind);
  }, 60_000);

  it("destroyed and no other, none opens and none is made", async () => {
    await column("destroyed");
    await expectOpensNothing(kind, "destroyed");
    await expectMakesNothing(kind);
  }, 60_000);

  it("missing and another in its place, none opens, and new ones are made under that", async () => {
    await column("missing");
    await expectOpensNothing(kind, "absent");
    await expectMakes();
  }, 60_000);
});

describe("after a rotation of all three", () => {
  it("old and new backups open, and an HSM made before makes new ones", async () => {
    await restart(
      await bindingsWith(ALL, (key) => [{ ...key, state: "retired" }, successorOf(key)]),
    );
    await expectOpens(backup.backupId, backup.stateDigest);
    const made = await backUp(edge, cluster);
    await expectOpens(made.backupId, made.stateDigest);
  }, 60_000);
});
