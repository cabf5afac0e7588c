import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  DeleteBackupCommand,
  DeleteClusterCommand,
  DeleteHsmCommand,
  RestoreBackupCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  activeCluster,
  cloudHsm,
  clusterInState,
  createCluster,
  hsmsActive,
  initializedCluster,
  rawCall,
  refusal,
  SUBNET,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";

let edge: Edge;
let client: CloudHSMV2Client;
beforeAll(async () => {
  edge = await startEdge();
  client = await cloudHsm(edge);
});
afterAll(() => edge.stop());

const INVALID = "CloudHsmInvalidRequestException";
const NOT_FOUND = "CloudHsmResourceNotFoundException";
const DENIED = "CloudHsmAccessDeniedException";
const ORDER = { HsmType: "hsm2m.medium", Mode: "FIPS", SubnetIds: [SUBNET] };
const NOBODY = "aaaaaaaaaaa";

describe("CreateCluster refuses", () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      "hsm2m.medium without a mode",
      { Mode: undefined },
      "Mode is a required argument for this hsm type.",
    ],
    ["an unknown type", { HsmType: "hsm9.large" }, "Provided HsmType is not supported."],
    ["hsm1.medium in mode NON_FIPS", { HsmType: "hsm1.medium", Mode: "NON_FIPS" }, "FIPS only"],
    ["a mode that is none", { Mode: "fips" }, "Value at 'Mode' failed"],
    ["a malformed type", { HsmType: "HSM2" }, "Value at 'HsmType' failed"],
    ["no subnet", { SubnetIds: [] }, "Value at 'SubnetIds' failed"],
    ["eleven subnets", { SubnetIds: Array(11).fill(SUBNET) }, "Value at 'SubnetIds' failed"],
    ["a subnet given twice", { SubnetIds: [SUBNET, SUBNET] }, "must not name a subnet twice"],
    ["a malformed subnet", { SubnetIds: ["subnet-xyz"] }, "Value at 'SubnetIds.0' failed"],
    ["six days of retention", retention("6"), "7 to 379"],
    ["380 days of retention", retention("380"), "7 to 379"],
    ["retention that is no number", retention("ten"), "BackupRetentionPolicy.Value"],
    ["retention of another type", retention("90", "WEEKS"), "BackupRetentionPolicy.Type"],
    ["an unknown network", { NetworkType: "IPX" }, "Value at 'NetworkType' failed"],
    ["a malformed backup", { SourceBackupId: "backup-1" }, "Value at 'SourceBackupId' failed"],
  ])("%s", async (_, changes, message) => {
    const { status, body } = await rawCall(edge, "CreateCluster", { ...ORDER, ...changes });
    expect([status, body.__type]).toEqual([400, INVALID]);
    expect(body.Message).toContain(message);
  });

  it.each([["7"], ["379"]])("but not %s days of retention", async (days) => {
    const { body } = await rawCall(edge, "CreateCluster", { ...ORDER, ...retention(days) });
    expect(body.Cluster.BackupRetentionPolicy).toEqual({ Type: "DAYS", Value: days });
  });

  it("but not hsm1.medium without a mode: it is FIPS", async () => {
    const order = { HsmType: "hsm1.medium", SubnetIds: [SUBNET] };
    expect((await rawCall(edge, "CreateCluster", order)).body.Cluster.Mode).toBe("FIPS");
  });

  it.each<[string, { Key: string; Value: string }[], string]>([
    ["a reserved tag", [{ Key: "aws:name", Value: "" }], "CloudHsmTagException"],
    ["a tag given twice", [1, 2].map((n) => ({ Key: "a", Value: `${n}` })), "CloudHsmTagException"],
    ["51 tags", Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: "" })), INVALID],
    ["a tag with a letter that is not allowed", [{ Key: "a{b}", Value: "" }], INVALID],
  ])("%s", async (_, TagList, expected) => {
    const { body } = await rawCall(edge, "CreateCluster", { ...ORDER, TagList });
    expect(body.__type).toBe(expected);
  });
});

function retention(Value: string, Type = "DAYS") {
  return { BackupRetentionPolicy: { Type, Value } };
}

describe("CreateCluster from a backup refuses", () => {
  let backupId: string;
  beforeAll(async () => {
    ({ backupId } = await activeCluster(edge, client));
  });

  async function ask(changes: Record<string, unknown>, region = "us-east-1") {
    const order = { ...ORDER, SourceBackupId: backupId, ...changes };
    const { body } = await rawCall(edge, "CreateCluster", order, { region });
    return [body.__type, body.Message];
  }

  it("another mode", async () => {
    expect(await ask({ Mode: "NON_FIPS" })).toEqual([
      INVALID,
      `Backup '${backupId}' was made in mode FIPS and can only be restored in that mode, not in NON_FIPS.`,
    ]);
  });

  it("the older type", async () => {
    const [type, message] = await ask({ HsmType: "hsm1.medium" });
    expect(type).toBe(INVALID);
    expect(message).toContain("was made by hsm2m.medium and cannot be restored on hsm1.medium");
  });

  it("another region's, by its ARN and by its id", async () => {
    const arn = `arn:aws:cloudhsm:us-east-1:123456789012:backup/${backupId}`;
    const [type, message] = await ask({ SourceBackupId: arn }, "eu-west-1");
    expect(type).toBe(INVALID);
    expect(message).toContain("is in region us-east-1");
    const [typeById, messageById] = await ask({}, "eu-west-1");
    expect(typeById).toBe(NOT_FOUND);
    expect(messageById).toContain("was not found in eu-west-1");
  });

  it("another account's", async () => {
    const arn = `arn:aws:cloudhsm:us-east-1:999999999999:backup/${backupId}`;
    expect((await ask({ SourceBackupId: arn }))[0]).toBe(DENIED);
  });

  it("an unknown one", async () => {
    expect((await ask({ SourceBackupId: `backup-${NOBODY}` }))[0]).toBe(NOT_FOUND);
  });

  it("one that is to be deleted, and takes it once it is restored", async () => {
    await client.send(new DeleteBackupCommand({ BackupId: backupId }));
    const [type, message] = await ask({});
    expect(type).toBe(INVALID);
    expect(message).toContain("PENDING_DELETION");
    await client.send(new RestoreBackupCommand({ BackupId: backupId }));
    expect((await ask({}))[0]).toBeUndefined();
  });
});

describe("CreateHsm refuses", () => {
  it("a second HSM before activation, in the service's words", async () => {
    const { clusterId } = await initializedCluster(client);
    const call = client.send(
      new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }),
    );
    expect(await refusal(call)).toEqual({
      name: INVALID,
      message: `Cluster '${clusterId}' already contains an HSM but has not yet been fully activated`,
    });
  });

  it("a zone without a subnet, an address elsewhere, a cluster that is none", async () => {
    const clusterId = await createCluster(client);
    await clusterInState(client, clusterId, "UNINITIALIZED");
    const ask = (changes: Record<string, string>) =>
      refusal(
        client.send(
          new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE, ...changes }),
        ),
      );
    expect((await ask({ AvailabilityZone: "us-east-1b" })).message).toContain("us-east-1a");
    expect((await ask({ IpAddress: "192.168.0.1" })).message).toContain("not in the subnet");
    expect((await ask({ AvailabilityZone: "moon" })).message).toContain("'AvailabilityZone'");
    expect((await ask({ ClusterId: `cluster-${NOBODY}` })).name).toBe(NOT_FOUND);
  });

  it("a cluster with neither an HSM nor a READY backup", async () => {
    const { clusterId, hsmId, backupId } = await activeCluster(edge, client);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 0);
    const { body } = await rawCall(edge, "DescribeBackups", {
      Filters: { clusterIds: [clusterId] },
    });
    for (const { BackupId } of body.Backups) {
      await client.send(new DeleteBackupCommand({ BackupId }));
    }
    const order = new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE });
    expect((await refusal(client.send(order))).message).toContain("no READY backup to restore");
    await client.send(new RestoreBackupCommand({ BackupId: backupId }));
    await client.send(order);
    await hsmsActive(client, clusterId, 1);
  });
});

describe("deletions are refused", () => {
  it("of an HSM by none or two of its names, by a name of no one, and twice", async () => {
    const { clusterId, hsmId } = await activeCluster(edge, client);
    const ask = (names: Record<string, string>) =>
      refusal(client.send(new DeleteHsmCommand({ ClusterId: clusterId, ...names })));
    const eni = "eni-00000000000000000";
    expect((await ask({})).message).toContain("exactly one of");
    expect((await ask({ HsmId: hsmId, EniId: eni })).message).toContain("exactly one of");
    expect((await ask({ EniId: eni })).name).toBe(NOT_FOUND);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    expect([NOT_FOUND, INVALID]).toContain((await ask({ HsmId: hsmId })).name);
  });

  it("of a cluster with HSMs, and of one that is gone", async () => {
    const { clusterId, hsmId } = await initializedCluster(client);
    const order = new DeleteClusterCommand({ ClusterId: clusterId });
    expect((await refusal(client.send(order))).message).toContain("still contains 1 HSM");
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await hsmsActive(client, clusterId, 0);
    await client.send(order);
    await clusterInState(client, clusterId, "DELETED");
    expect((await refusal(client.send(order))).message).toContain("DELETED");
  });

  it("of a backup that is not READY, and restored is only what is to be deleted", async () => {
    const { backupId } = await activeCluster(edge, client);
    const restore = new RestoreBackupCommand({ BackupId: backupId });
    expect((await refusal(client.send(restore))).message).toContain("in state READY");
    const order = new DeleteBackupCommand({ BackupId: backupId });
    await client.send(order);
    expect((await refusal(client.send(order))).message).toContain("in state PENDING_DELETION");
    const unknown = new DeleteBackupCommand({ BackupId: `backup-${NOBODY}` });
    expect((await refusal(client.send(unknown))).name).toBe(NOT_FOUND);
  });
});

describe("roles", () => {
  const WRITES: [string, unknown][] = [["CreateCluster", ORDER]];
  const DELETES: [string, unknown][] = [
    ["DeleteCluster", { ClusterId: `cluster-${NOBODY}` }],
    ["DeleteHsm", { ClusterId: `cluster-${NOBODY}`, HsmId: `hsm-${NOBODY}` }],
    ["DeleteBackup", { BackupId: `backup-${NOBODY}` }],
    ["ModifyBackupAttributes", { BackupId: `backup-${NOBODY}`, NeverExpires: false }],
    ["ModifyCluster", { ClusterId: `cluster-${NOBODY}`, ...retention("7") }],
  ];

  it.each([...WRITES, ...DELETES])("an auditor may not %s", async (operation, input) => {
    const { body } = await rawCall(edge, operation, input, { role: "auditor" });
    expect(body.__type).toBe(DENIED);
  });

  it.each(DELETES)("an operator may not %s", async (operation, input) => {
    const { body } = await rawCall(edge, operation, input, { role: "operator" });
    expect(body.__type).toBe(DENIED);
  });

  it("an auditor reads and an operator creates", async () => {
    const read = await rawCall(edge, "DescribeBackups", {}, { role: "auditor" });
    const created = await rawCall(edge, "CreateCluster", ORDER, { role: "operator" });
    expect([read.status, created.status]).toEqual([200, 200]);
  });
});
