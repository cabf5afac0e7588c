import { describe, expect, it } from "vitest";
import {
  encodeBackupArn,
  generateHexId,
  generateId,
  parseBackupArn,
} from "../../src/cluster/ids.ts";
import { chainFrom, newChain } from "../../src/cluster/lineage.ts";
import { chooseAddress, subnetMapping, subnetsRefusal, vpcId } from "../../src/cluster/network.ts";
import { type AccessRole, type Action, isPermitted } from "../../src/cluster/permissions.ts";
import {
  type ClusterState,
  mayBackupMove,
  mayClusterMove,
  mayHsmMove,
  waitsForActivation,
} from "../../src/cluster/states.ts";

const counting = (length: number) => Uint8Array.from({ length }, (_, index) => index * 37);

describe("ids", () => {
  it.each(["cluster", "hsm", "backup", "lineage"] as const)(
    "of a %s fit the service's pattern",
    (kind) => {
      expect(generateId(kind, counting)).toMatch(new RegExp(`^${kind}-[2-7a-z]{11}$`));
    },
  );

  it("of a network interface fit EC2's pattern", () => {
    expect(generateHexId("eni", counting)).toMatch(/^eni-[0-9a-f]{17}$/);
  });

  it("of a backup go into an ARN and come out of it", () => {
    const arn = encodeBackupArn("123456789012", "eu-west-1", "backup-ro5c4er4aac");
    expect(arn).toBe("arn:aws:cloudhsm:eu-west-1:123456789012:backup/backup-ro5c4er4aac");
    expect(parseBackupArn(arn)).toEqual({
      account: "123456789012",
      region: "eu-west-1",
      backupId: "backup-ro5c4er4aac",
    });
  });

  it("of a backup in GovCloud have its partition", () => {
    const arn = encodeBackupArn("123456789012", "us-gov-west-1", "backup-ro5c4er4aac");
    expect(arn).toBe(
      "arn:aws-us-gov:cloudhsm:us-gov-west-1:123456789012:backup/backup-ro5c4er4aac",
    );
    expect(parseBackupArn(arn)).toMatchObject({ region: "us-gov-west-1" });
  });

  it.each([
    "backup-ro5c4er4aac",
    "",
    "arn:aws:s3:::bucket",
    "arn:aws:cloudhsm:r:1:backup/backup-a",
    "arn:aws:cloudhsm:r:123456789012:backup/backup-",
    "arn:aws:cloudhsm:r:123456789012:backup/backup-a/b",
    "arn:aws:cloudhsm:r:123456789012:cluster/backup-a",
    "arn:aws:cloudhsm::123456789012:backup/backup-a",
    "an arn:aws:cloudhsm:r:123456789012:backup/backup-a",
    "arn:aws-cn:cloudhsm:r:123456789012:backup/backup-a",
  ])("are not found in '%s'", (text) => expect(parseBackupArn(text)).toBeNull());
});

describe("chains", () => {
  it("begin at number 1 with no predecessor", () => {
    expect(newChain("lineage-a")).toEqual({
      lineageId: "lineage-a",
      nextNumber: 1,
      lastDigest: "",
    });
  });

  it("of a cluster from a backup begin at number 1 behind the source, in its lineage", () => {
    expect(chainFrom({ lineageId: "lineage-a", containerDigest: "ab" })).toEqual({
      lineageId: "lineage-a",
      nextNumber: 1,
      lastDigest: "ab",
    });
  });
});

describe("roles", () => {
  it.each<[AccessRole, Action, boolean]>([
    ["owner", "read", true],
    ["owner", "write", true],
    ["owner", "delete", true],
    ["operator", "read", true],
    ["operator", "write", true],
    ["operator", "delete", false],
    ["auditor", "read", true],
    ["auditor", "write", false],
    ["auditor", "delete", false],
  ])("%s may %s: %s", (role, action, permitted) => {
    expect(isPermitted(role, action)).toBe(permitted);
  });
});

describe("transitions", () => {
  it("never leave DELETED", () => {
    const backups = ["CREATE_IN_PROGRESS", "READY", "PENDING_DELETION"] as const;
    for (const to of backups) expect(mayBackupMove("DELETED", to)).toBe(false);
    for (const to of ["ACTIVE", "UNINITIALIZED"] as const) {
      expect(mayClusterMove("DELETED", to)).toBe(false);
    }
    for (const to of ["ACTIVE", "DEGRADED"] as const) expect(mayHsmMove("DELETED", to)).toBe(false);
  });

  it.each<[ClusterState, boolean]>([
    ["CREATE_IN_PROGRESS", false],
    ["UNINITIALIZED", true],
    ["INITIALIZE_IN_PROGRESS", false],
    ["INITIALIZED", true],
    ["ACTIVE", false],
    ["DELETE_IN_PROGRESS", false],
    ["DELETED", false],
  ])("leave a use for the first password in %s: %s", (state, waits) => {
    expect(waitsForActivation(state)).toBe(waits);
  });

  it("let a backup go only through PENDING_DELETION once it is READY", () => {
    expect(mayBackupMove("READY", "DELETED")).toBe(false);
    expect(mayBackupMove("READY", "PENDING_DELETION")).toBe(true);
    expect(mayBackupMove("PENDING_DELETION", "READY")).toBe(true);
  });
});

describe("the network", () => {
  it("maps subnets to zones in their order", () => {
    expect(subnetMapping("us-east-1", ["subnet-1", "subnet-2"])).toEqual({
      "us-east-1a": "subnet-1",
      "us-east-1b": "subnet-2",
    });
    expect(subnetsRefusal(["subnet-1", "subnet-1"])?.code).toBe("subnet_repeated");
    expect(subnetsRefusal(["subnet-1", "subnet-2"])).toBeNull();
  });

  it("is the same for an account and region, and another for others", () => {
    const id = vpcId("123456789012", "us-east-1");
    expect(id).toMatch(/^vpc-[0-9a-f]{17}$/);
    expect(vpcId("123456789012", "us-east-1")).toBe(id);
    expect(vpcId("123456789012", "eu-west-1")).not.toBe(id);
  });

  it.each<[string | null, string[], string]>([
    [null, [], "10.0.1.4"],
    [null, ["10.0.1.4", "10.0.1.6"], "10.0.1.5"],
    ["10.0.1.77", [], "10.0.1.77"],
    ["10.0.1.77", ["10.0.1.77"], "address_taken"],
    ["10.0.0.77", [], "address_outside_subnet"],
    ["10.0.1.3", [], "address_outside_subnet"],
    ["10.0.1.4", [], "10.0.1.4"],
    ["10.0.1.254", [], "10.0.1.254"],
    ["10.0.1.255", [], "address_outside_subnet"],
    ["10.0.1.x", [], "address_outside_subnet"],
  ])("wanted %s, taken %o: %s", (wanted, taken, expected) => {
    const choice = chooseAddress("us-east-1b", wanted, new Set(taken));
    expect(choice.address ?? ("refusal" in choice && choice.refusal.code)).toBe(expected);
  });
});
