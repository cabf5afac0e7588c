/**
 * For every storage step: what has to happen before it, and the request that reaches it.
 *
 * The list of steps is that of src/worker/platform/steps.ts; a step without a scenario does not compile.
 */
import {
  DeleteBackupCommand,
  DeleteClusterCommand,
  DeleteHsmCommand,
  RestoreBackupCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import type { StorageStep } from "../../src/worker/platform/steps.ts";
import { eventually } from "../customer/control-plane.ts";
import type { Scene } from "./world.ts";

/**
 * Where a scenario begins: with nothing; with an active cluster of one HSM; with that cluster after its
 * HSM was deleted; with a cluster of two HSMs.
 */
export type Beginning = "nothing" | "active" | "resting" | "paired";

export interface Scenario {
  readonly from: Beginning;
  /** Does what reaches the step. It never comes to its end: the edge stops and is killed. */
  readonly drive: (scene: Scene) => Promise<unknown>;
  /** What is different afterwards, when it is more than the world knows. */
  readonly afterwards?: (scene: Scene) => Promise<void>;
}

const bringUp: Scenario = {
  from: "nothing",
  drive: (scene) => scene.bringUp(),
  afterwards: (scene) => scene.bringUp(),
};
const write: Scenario = { from: "active", drive: (scene) => scene.importKey("in-flight") };
const pairedWrite: Scenario = { from: "paired", drive: (scene) => scene.importKey("in-flight") };
const backUp: Scenario = { from: "active", drive: (scene) => scene.data.backUp() };
const restore: Scenario = { from: "resting", drive: (scene) => scene.ensureHsm() };

const removeHsm: Scenario = { from: "active", drive: removeLeader };

/** The one that is left has led nobody yet: it takes over with all that was acknowledged. */
const removeOfTwo: Scenario = { from: "paired", drive: removeLeader };

/** A second HSM joins; whenever the edge was killed, it serves in the end, and holds everything. */
const addHsm: Scenario = {
  from: "active",
  drive: (scene) => scene.control.createHsm(scene.world.clusterId),
  afterwards: async (scene) => {
    const { world, control } = scene;
    const [leader] = await eventually("both HSMs to serve", async () => {
      const hsms = (await control.cluster(world.clusterId))?.Hsms ?? [];
      return hsms.length === 2 && hsms.every((hsm) => hsm.State === "ACTIVE") ? hsms : null;
    });
    await eventually("a write to be taken", () =>
      scene.importKey("beside-the-new-one").then(
        () => true,
        () => null,
      ),
    );
    await control.deleteHsm(world.clusterId, leader?.HsmId ?? "");
  },
};

/** The oldest HSM leads. */
async function removeLeader({ world, control }: Scene): Promise<never> {
  const cluster = await control.cluster(world.clusterId);
  const HsmId = cluster?.Hsms?.[0]?.HsmId ?? "";
  await control.client.send(new DeleteHsmCommand({ ClusterId: world.clusterId, HsmId }));
  return forever();
}

/** Deletes the newest backup; the world no longer counts on it. */
const deleteBackup: Scenario = {
  from: "active",
  drive: async (scene) => {
    await dropNewestBackup(scene);
    await forever();
  },
};

const undeleteBackup: Scenario = {
  from: "active",
  drive: async (scene) => {
    const BackupId = await dropNewestBackup(scene);
    await scene.control.client.send(new RestoreBackupCommand({ BackupId }));
  },
};

const deleteCluster: Scenario = {
  from: "resting",
  drive: async ({ world, control }) => {
    await control.client.send(new DeleteClusterCommand({ ClusterId: world.clusterId }));
    await forever();
  },
  afterwards: async ({ world, control }) => {
    await eventually("the cluster to be gone", async () => {
      const cluster = await control.cluster(world.clusterId);
      return cluster === null || cluster.State === "DELETED" ? true : null;
    });
  },
};

async function dropNewestBackup({ world, control }: Scene): Promise<string> {
  const [newest] = await control.backups(world.clusterId);
  const BackupId = newest?.BackupId ?? "";
  world.backups.delete(BackupId);
  await control.client.send(new DeleteBackupCommand({ BackupId }));
  return BackupId;
}

/** The request has been answered and the clock goes on: the step is reached by an alarm. */
function forever(): Promise<never> {
  return new Promise(() => undefined);
}

export const SCENARIOS: Readonly<Record<StorageStep, Scenario>> = {
  region_cluster_created: bringUp,
  region_hsm_created: bringUp,
  hsm_manufactured: bringUp,
  region_hsm_active: bringUp,
  hsm_initialized: bringUp,
  region_cluster_initialized: bringUp,
  region_cluster_active: bringUp,
  region_hsm_joining: addHsm,
  hsm_held: addHsm,
  hsm_brought_up: addHsm,
  hsm_joined: addHsm,
  hsm_retired: removeOfTwo,
  write_committed: write,
  write_replicated: pairedWrite,
  region_backup_begun: backUp,
  backup_begun: backUp,
  backup_spooled: backUp,
  backup_body_put: backUp,
  backup_envelope_put: backUp,
  backup_receipt_stored: backUp,
  backup_spool_cleared: backUp,
  region_backup_ready: backUp,
  restore_begun: restore,
  restore_slice_staged: restore,
  restore_staged: restore,
  restore_flipped: restore,
  restore_old_removed: restore,
  hsm_zeroized: removeHsm,
  region_hsm_deleted: removeHsm,
  region_backup_pending_deletion: deleteBackup,
  region_backup_deleted: deleteBackup,
  region_objects_deleted: deleteBackup,
  region_backup_restored: undeleteBackup,
  region_cluster_deleted: deleteCluster,
};
