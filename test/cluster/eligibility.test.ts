import { describe, expect, it } from "vitest";
import {
  MAX_HSMS_PER_CLUSTER,
  newHsmRefusal,
  sourceRefusal,
  typeRefusal,
} from "../../src/cluster/eligibility.ts";
import type { BackupState, ClusterState } from "../../src/cluster/states.ts";
import type { HsmMode } from "../../src/hsm/memory/configuration-record.ts";

describe("the type and mode of a new cluster", () => {
  it.each<[string, HsmMode | null, string | null]>([
    ["hsm2m.medium", "FIPS", null],
    ["hsm2m.medium", "NON_FIPS", null],
    ["hsm2m.medium", null, "Mode is a required argument for this hsm type."],
    ["hsm1.medium", null, null],
    ["hsm1.medium", "FIPS", null],
    ["hsm1.medium", "NON_FIPS", "hsm1.medium supports the mode FIPS only."],
    ["hsm9.large", "FIPS", "Provided HsmType is not supported."],
  ])("%s in mode %s: %s", (hsmType, mode, message) => {
    expect(typeRefusal(hsmType, mode)?.message ?? null).toBe(message);
  });
});

describe("a cluster from a backup", () => {
  const source = { backupId: "backup-aaaaaaaaaaa", state: "READY" as BackupState };
  it.each<[BackupState, string, HsmMode, string, HsmMode, string | null]>([
    ["READY", "hsm2m.medium", "FIPS", "hsm2m.medium", "FIPS", null],
    ["READY", "hsm1.medium", "FIPS", "hsm2m.medium", "FIPS", null],
    ["READY", "hsm2m.medium", "FIPS", "hsm1.medium", "FIPS", "hsm_type_mismatch"],
    ["READY", "hsm2m.medium", "FIPS", "hsm2m.medium", "NON_FIPS", "mode_mismatch"],
    ["READY", "hsm2m.medium", "NON_FIPS", "hsm2m.medium", "FIPS", "mode_mismatch"],
    ["CREATE_IN_PROGRESS", "hsm2m.medium", "FIPS", "hsm2m.medium", "FIPS", "backup_not_ready"],
    ["PENDING_DELETION", "hsm2m.medium", "FIPS", "hsm2m.medium", "FIPS", "backup_not_ready"],
    ["DELETED", "hsm2m.medium", "FIPS", "hsm2m.medium", "FIPS", "backup_not_ready"],
  ])("%s %s %s onto %s %s: %s", (state, hsmType, mode, targetType, targetMode, code) => {
    const target = { hsmType: targetType, mode: targetMode };
    expect(sourceRefusal({ ...source, state, hsmType, mode }, target)?.code ?? null).toBe(code);
  });

  it("says how to bring a backup back that is to be deleted", () => {
    const pending = { ...source, state: "PENDING_DELETION", hsmType: "hsm2m.medium" } as const;
    const reason = sourceRefusal(
      { ...pending, mode: "FIPS" },
      { hsmType: "hsm2m.medium", mode: "FIPS" },
    );
    expect(reason?.message).toContain("RestoreBackup");
  });

  it("says that of no other, and names both modes where they differ", () => {
    const target = { hsmType: "hsm2m.medium", mode: "FIPS" } as const;
    const made = { ...source, hsmType: "hsm2m.medium", mode: "NON_FIPS" } as const;
    for (const state of ["CREATE_IN_PROGRESS", "DELETED"] as const) {
      expect(sourceRefusal({ ...made, state }, target)?.message).toMatch(
        /READY backup can be used\.$/,
      );
    }
    expect(sourceRefusal(made, target)?.message).toMatch(/in mode NON_FIPS .* not in FIPS\.$/);
  });
});

describe("a new HSM", () => {
  const clusterId = "cluster-aaaaaaaaaaa";
  it.each<[ClusterState, number, boolean, string | null]>([
    ["CREATE_IN_PROGRESS", 0, false, "cluster_state"],
    ["UNINITIALIZED", 0, false, null],
    ["UNINITIALIZED", 1, false, "cluster_not_activated"],
    ["INITIALIZE_IN_PROGRESS", 1, true, "cluster_not_activated"],
    ["INITIALIZED", 1, true, "cluster_not_activated"],
    ["ACTIVE", 0, true, null],
    ["ACTIVE", 0, false, "backup_missing"],
    ["ACTIVE", MAX_HSMS_PER_CLUSTER - 1, true, null],
    ["ACTIVE", MAX_HSMS_PER_CLUSTER, true, "hsm_limit"],
    ["DELETE_IN_PROGRESS", 0, true, "cluster_state"],
    ["DELETED", 0, true, "cluster_state"],
  ])(
    "in a cluster %s with %i HSMs, a source of its state: %s: %s",
    (state, hsmCount, hasSource, code) => {
      expect(newHsmRefusal({ clusterId, state, hsmCount, hasSource })?.code ?? null).toBe(code);
    },
  );

  it("is told in which states it can be", () => {
    const cluster = { clusterId, state: "DELETED", hsmCount: 0, hasSource: true } as const;
    expect(newHsmRefusal(cluster)?.message).toMatch(
      /is in state DELETED; .* UNINITIALIZED or ACTIVE\.$/,
    );
  });

  it("uses the service's own words before activation", () => {
    const cluster = { clusterId, state: "INITIALIZED", hsmCount: 1, hasSource: true } as const;
    expect(newHsmRefusal(cluster)?.message).toBe(
      `Cluster '${clusterId}' already contains an HSM but has not yet been fully activated`,
    );
  });
});
