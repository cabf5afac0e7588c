/**
 * One crash from end to end: begin, drive, kill at the step, start again, demand the old or the new.
 */
import type { StorageStep } from "../../src/worker/platform/steps.ts";
import { eventually } from "../customer/control-plane.ts";
import { trustedAuthorities } from "../customer/tools.ts";
import { generateSecrets } from "../edge/dev-secrets.ts";
import { startEmbeddedEdge } from "../edge/embedded.ts";
import { CRASH_SCHEDULE, CrashRig } from "./rig.ts";
import { type Beginning, SCENARIOS } from "./scenarios.ts";
import { copyWorld, emptyWorld, Scene, verifyWorld, type World } from "./world.ts";

const KEYS_AT_FIRST = 3;
const CERTIFICATES = 100;

interface Prepared {
  readonly rig: CrashRig;
  readonly world: World;
}

/** The states that scenarios begin from: made once and copied, for crashes side by side too. */
export class CrashStage {
  readonly #prepared = new Map<Beginning, Promise<Prepared>>();
  readonly #bindings: Record<string, string>;
  /** Empty and warm, for whatever begins next. */
  #next: Promise<CrashRig>;

  private constructor(bindings: Record<string, string>) {
    this.#bindings = bindings;
    this.#next = warmRig(bindings);
  }

  /** @param bindings - secrets of the deployment; its own unless given. */
  static async create(bindings?: Record<string, string>): Promise<CrashStage> {
    return new CrashStage(bindings ?? (await generateSecrets()).bindings);
  }

  /** A rig and a world of this kind, which the caller may spoil and must remove. */
  async begin(from: Beginning): Promise<Prepared> {
    const known = from === "nothing" ? null : await this.#prepare(from);
    const taken = this.#next;
    this.#next = taken.then(() => warmRig(this.#bindings));
    const begun = await taken;
    if (known === null) return { rig: begun, world: emptyWorld() };
    begun.takeStateOf(known.rig);
    return { rig: begun, world: copyWorld(known.world) };
  }

  async remove(): Promise<void> {
    await (await this.#next).remove();
    for (const prepared of this.#prepared.values()) await (await prepared).rig.remove();
  }

  #prepare(from: Exclude<Beginning, "nothing">): Promise<Prepared> {
    const known = this.#prepared.get(from);
    if (known !== undefined) return known;
    const prepared = this.#make(from);
    this.#prepared.set(from, prepared);
    return prepared;
  }

  async #make(from: Exclude<Beginning, "nothing">): Promise<Prepared> {
    const { rig, world } = await this.begin(from === "active" ? "nothing" : "active");
    await rig.start();
    const scene = new Scene(rig.access, world);
    if (from === "active") await fillCluster(scene);
    else if (from === "paired") await scene.control.createHsm(world.clusterId);
    else await scene.control.deleteHsm(world.clusterId, await scene.ensureHsm());
    await noteReadyBackups(scene);
    await rig.stop();
    return { rig, world };
  }
}

async function warmRig(bindings: Record<string, string>): Promise<CrashRig> {
  const rig = await CrashRig.create(bindings);
  rig.warmUp();
  return rig;
}

async function fillCluster(scene: Scene): Promise<void> {
  await scene.bringUp();
  for (let n = 1; n <= KEYS_AT_FIRST; n++) await scene.importKey(`first-${n}`);
  // Enough bytes for a restore of several slices.
  const { certificates } = trustedAuthorities();
  await (await scene.user()).importCertificates(certificates.slice(0, CERTIFICATES).join("\n"));
  await scene.backUp();
  await scene.noteDigest();
}

async function noteReadyBackups({ world, control }: Scene): Promise<void> {
  const rows = await eventually("backups to settle", async () => {
    const listed = await control.backups(world.clusterId);
    return listed.every((row) => row.BackupState === "READY") ? listed : null;
  });
  for (const row of rows) world.backups.add(row.BackupId ?? "");
}

/** @throws Error that says what was lost, revived or broken. */
export async function crashAt(stage: CrashStage, step: StorageStep): Promise<void> {
  const scenario = SCENARIOS[step];
  const { rig, world } = await stage.begin(scenario.from);
  try {
    await rig.start(step);
    const driven = scenario.drive(new Scene(rig.access, world)).then(
      () => `the step was not reached: the request came to its end`,
      () => null, // It was cut off, as it should be.
    );
    const ended = await Promise.race([rig.paused(step), driven]);
    if (typeof ended === "string") await rig.paused(step, 10_000);
    await rig.kill();
    await afterCrash(rig, world, scenario.afterwards);
  } finally {
    await rig.remove();
  }
}

/** Starts on the state a crash has left, and demands that all of it is right. */
export async function afterCrash(
  rig: CrashRig,
  world: World,
  afterwards?: (scene: Scene) => Promise<void>,
): Promise<void> {
  const edge = await startEmbeddedEdge({
    bindings: { ...rig.bindings, SCHEDULE: JSON.stringify(CRASH_SCHEDULE) },
    persist: rig.state,
  });
  try {
    await edge.tick();
    const scene = new Scene(rig.accessAt(edge.url.origin), world);
    await afterwards?.(scene);
    const cluster = await scene.control.cluster(world.clusterId);
    if (cluster !== null && cluster.State !== "DELETED") {
      await verifyWorld(scene);
      await scene.importKey("after-the-crash");
      await scene.backUp();
    }
    await verifyObjects(scene, await edge.mf.getR2Bucket("BACKUPS_US_EAST_1"));
  } finally {
    await edge.stop();
  }
}

interface Bucket {
  list(options: { prefix: string }): Promise<{ objects: { key: string }[]; truncated: boolean }>;
}

/** I1 and I4: two objects for every row that promises a backup, and, once swept, no others. */
async function verifyObjects({ control, world }: Scene, bucket: Bucket): Promise<void> {
  let last = "";
  await eventually("the bucket to hold what the rows name", async () => {
    const rows = await control.backups(world.clusterId);
    const held = rows.filter((row) =>
      ["READY", "PENDING_DELETION"].includes(row.BackupState ?? ""),
    );
    const { objects } = await bucket.list({ prefix: "clusters/" });
    const counts = new Map<string, number>();
    for (const { key } of objects) {
      const backupId = key.split("/")[3] ?? key;
      counts.set(backupId, (counts.get(backupId) ?? 0) + 1);
    }
    for (const row of held) {
      const count = counts.get(row.BackupId ?? "") ?? 0;
      if (count < 2)
        throw new Error(`I1: ${row.BackupId} is ${row.BackupState} with ${count} objects`);
    }
    last = `${objects.length} objects for ${held.length} backups`;
    return objects.length === 2 * held.length ? true : null;
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${last}`);
  });
}
