/**
 * What the crash tests know of a cluster: what was acknowledged, and so must be there afterwards.
 *
 * A world is plain data over a state folder; the clients are made anew after every start.
 */
import { randomBytes } from "node:crypto";
import { DeleteBackupCommand } from "@aws-sdk/client-cloudhsm-v2";
import { type Authority, customerAuthority } from "../customer/authority.ts";
import { ControlPlane, eventually } from "../customer/control-plane.ts";
import { DataPlane, type Session } from "../customer/data-plane.ts";
import type { RestAccess } from "../customer/rest-client.ts";

const OFFICER = "admin";
const USER = "alice";
/** Of the READY backups, how many are opened after every crash; the long run makes hundreds. */
const NEWEST_TO_OPEN = 4;

let authority: Promise<Authority> | undefined;

/** One for all the clusters that this process makes, as a customer has one. */
function ourAuthority(): Promise<Authority> {
  authority ??= customerAuthority();
  return authority;
}

export interface World {
  clusterId: string;
  readonly officerPassword: string;
  readonly userPassword: string;
  /** Labels of keys whose import was acknowledged and whose deletion was not asked for. */
  readonly keys: Set<string>;
  /** Labels of keys that a request without an answer may have made or removed. */
  readonly uncertain: Set<string>;
  /** Backups that were seen READY and not deleted since, the oldest first. */
  readonly backups: Set<string>;
  /** The state digest, "" while it is not known: after a write, before `noteDigest`. */
  digest: string;
}

export function emptyWorld(): World {
  return {
    clusterId: "",
    officerPassword: randomBytes(12).toString("base64url"),
    userPassword: randomBytes(12).toString("base64url"),
    keys: new Set(),
    uncertain: new Set(),
    backups: new Set(),
    digest: "",
  };
}

export function copyWorld(world: World): World {
  return {
    ...world,
    keys: new Set(world.keys),
    uncertain: new Set(world.uncertain),
    backups: new Set(world.backups),
  };
}

/** A world with its clients, for as long as one edge runs. */
export class Scene {
  readonly world: World;
  readonly control: ControlPlane;
  readonly #access: RestAccess;
  #user: Session | null = null;

  constructor(access: RestAccess, world: World) {
    this.world = world;
    this.#access = access;
    this.control = new ControlPlane(access, 1);
  }

  get data(): DataPlane {
    return new DataPlane(this.#access, this.world.clusterId);
  }

  /** From whatever is there to an ACTIVE cluster with one user: each step looks before it acts. */
  async bringUp(): Promise<void> {
    const { world, control } = this;
    const known = (await control.clusters()).find((one) => one.State !== "DELETED");
    world.clusterId = known?.ClusterId ?? (await control.createCluster()).ClusterId ?? "";
    await eventually("a settled cluster", async () => {
      const cluster = await control.cluster(world.clusterId);
      return cluster?.State?.endsWith("_IN_PROGRESS") ? null : true;
    });
    await this.ensureHsm();
    const described = await control.cluster(world.clusterId);
    if (described?.State === "UNINITIALIZED") {
      const owner = await ourAuthority();
      const signed = await owner.sign(described.Certificates?.ClusterCsr ?? "");
      await control.initializeCluster(world.clusterId, signed, owner.pem);
    }
    const initialized = await control.cluster(world.clusterId);
    if (initialized?.State === "INITIALIZED") {
      await this.#activate(initialized.PreCoPassword ?? "");
      await control.clusterIn("ACTIVE", world.clusterId);
    }
    await this.user();
  }

  /** Activation may have come through although its answer was lost. */
  async #activate(preCoPassword: string): Promise<void> {
    const { officerPassword } = this.world;
    try {
      await this.data.activate(preCoPassword, officerPassword);
    } catch (error) {
      await this.data.logIn(OFFICER, officerPassword).catch(() => {
        throw error;
      });
    }
  }

  /** Waits for HSMs on their way; adds one if there is none; returns the id of one that serves. */
  async ensureHsm(): Promise<string> {
    const { world, control } = this;
    const settled = await eventually("HSMs to settle", async () => {
      const cluster = await control.cluster(world.clusterId);
      const hsms = (cluster?.Hsms ?? []).filter((hsm) => hsm.State !== "DELETED");
      return hsms.some((hsm) => hsm.State?.endsWith("_IN_PROGRESS")) ? null : hsms;
    });
    const active = settled.find((hsm) => hsm.State === "ACTIVE");
    if (active !== undefined) return active.HsmId ?? "";
    return (await control.createHsm(world.clusterId)).HsmId ?? "";
  }

  /** The crypto user, logged in; made by the officer where it does not exist yet. */
  async user(): Promise<Session> {
    if (this.#user !== null) return this.#user;
    const { officerPassword, userPassword } = this.world;
    const officer = await this.data.logIn(OFFICER, officerPassword);
    const users = await officer.users();
    if (!users.includes(USER)) await officer.createUser(USER, userPassword, "CU");
    this.#user = await this.data.logIn(USER, userPassword);
    return this.#user;
  }

  /** Sessions do not outlive an HSM. */
  forgetSessions(): void {
    this.#user = null;
  }

  async importKey(label: string): Promise<void> {
    const { world } = this;
    const user = await this.user();
    const raw = randomBytes(32).toString("base64");
    world.uncertain.add(label);
    await user.importKey(
      { format: "raw", type: "aes", raw },
      { label, extractable: false, encrypt: true, decrypt: true },
    );
    world.keys.add(label);
    world.uncertain.delete(label);
    world.digest = "";
  }

  async deleteKey(label: string): Promise<void> {
    const { world } = this;
    const user = await this.user();
    const key = (await user.keys()).find((one) => one.label === label);
    if (key === undefined) throw new Error(`key ${label} was acknowledged and is not there`);
    world.keys.delete(label);
    world.uncertain.add(label);
    await user.deleteKey(key.handle);
    world.uncertain.delete(label);
    world.digest = "";
  }

  async backUp(): Promise<string> {
    const { backupId } = await this.data.backUp();
    this.world.backups.add(backupId);
    return backupId;
  }

  /** Deletes the oldest backup; from the request on nothing counts on it. */
  async deleteOldestBackup(): Promise<void> {
    const { world, control } = this;
    const [backupId] = world.backups;
    if (backupId === undefined) return;
    world.backups.delete(backupId);
    await control.client.send(new DeleteBackupCommand({ BackupId: backupId }));
  }

  /** Deletes the HSM that serves and adds another: the memory goes through a backup. */
  async replaceHsm(): Promise<void> {
    const hsmId = await this.ensureHsm();
    await this.control.deleteHsm(this.world.clusterId, hsmId);
    this.forgetSessions();
    await this.ensureHsm();
  }

  /** Adds an HSM beside the one that serves; where there are more, the oldest of them goes. */
  async changeMembers(): Promise<void> {
    const { world, control } = this;
    await this.ensureHsm();
    const [oldest, another] = (await control.cluster(world.clusterId))?.Hsms ?? [];
    if (another === undefined) await control.createHsm(world.clusterId);
    else await control.deleteHsm(world.clusterId, oldest?.HsmId ?? "");
    this.forgetSessions();
  }

  /** Notes the digest; to be called when nothing is uncertain. */
  async noteDigest(): Promise<void> {
    this.world.digest = await this.data.stateDigest();
  }
}

/**
 * Demands that everything acknowledged is there and nothing else is, then settles what was
 * uncertain by looking. READY backups open; the digest is the old one unless a write was open.
 */
export async function verifyWorld(scene: Scene): Promise<void> {
  const { world } = scene;
  await scene.ensureHsm();
  scene.forgetSessions();
  const user = await scene.user();
  const held = new Set((await user.keys()).map((key) => key.label));
  for (const label of world.keys) {
    if (!held.has(label)) throw new Error(`lost: key ${label} was acknowledged`);
  }
  for (const label of held) {
    if (!world.keys.has(label) && !world.uncertain.has(label)) {
      throw new Error(`revived: key ${label} was deleted or never made`);
    }
  }
  if (world.uncertain.size === 0 && world.digest !== "") {
    const digest = await scene.data.stateDigest();
    if (digest !== world.digest) throw new Error("the state digest is neither old nor new");
  }
  for (const label of world.uncertain) if (held.has(label)) world.keys.add(label);
  world.uncertain.clear();
  await verifyBackups(scene);
  await scene.noteDigest();
}

/** I1: a row that promises a backup has its objects, and they open. */
async function verifyBackups(scene: Scene): Promise<void> {
  const { world, control, data } = scene;
  const rows = await eventually("backups to settle", async () => {
    const listed = await control.backups(world.clusterId);
    return listed.some((row) => row.BackupState === "CREATE_IN_PROGRESS") ? null : listed;
  });
  const ready = rows.filter((row) => row.BackupState === "READY").map((row) => row.BackupId ?? "");
  for (const backupId of world.backups) {
    if (!ready.includes(backupId)) throw new Error(`lost: backup ${backupId} was READY`);
  }
  for (const backupId of ready.slice(0, NEWEST_TO_OPEN)) await data.verify(backupId);
  world.backups.clear();
  for (const backupId of ready.reverse()) world.backups.add(backupId);
}
