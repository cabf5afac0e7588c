/**
 * The `Hsm` Durable Object: one HSM, its memory in SQLite, its faces to `Region`, peers and REST.
 *
 * Spec: DESIGN.md, "Where things happen"; docs/STORAGE.md. Orders are turned into results
 * here and carried out in the files beside it. What leaves this object is a container,
 * sealed; never plaintext of its memory.
 */

import { DurableObject } from "cloudflare:workers";
import { encodeHex } from "../../crypto/base-encodings.ts";
import { stateDigest } from "../../hsm/memory/snapshot.ts";
import type { Input, OperationName, Output } from "../contracts/data-plane.ts";
import type { HsmObject } from "../contracts/durable-objects.ts";
import type {
  BackupReceipt,
  CreateBackupOrder,
  HardwareIdentity,
  ManufactureOrder,
  RestoreReceipt,
  ServiceDuty,
  StoredBackupOrder,
} from "../contracts/hsm-api.ts";
import type { Delta, PeerPosition } from "../contracts/peer-api.ts";
import type { HsmLocation } from "../contracts/place.ts";
import { Refused, type Result } from "../contracts/result.ts";
import { type SecretEnv, type Secrets, secretsOf } from "../opening/secrets.ts";
import { type Deployment, deploymentOf } from "../platform/deployment.ts";
import { refusalsOf } from "../platform/fault-response.ts";
import { reached } from "../platform/reached.ts";
import { backUp } from "./backup.ts";
import { initializeHsm, manufactureHsm } from "./life.ts";
import { createLocalTable, readLocal, writeLocal } from "./local.ts";
import { type HsmMemory, type HsmSite, openMemory } from "./memory.ts";
import { DATA_PLANE } from "./operations.ts";
import { beginHistory, ownPosition, Peers, takeDelta, withDeltaKeks } from "./peers.ts";
import { restoreHsm } from "./restore.ts";
import { createRecordTables, currentGeneration, lastChange } from "./rows.ts";
import { createSessionTable } from "./sessions.ts";
import { createSpoolTables } from "./spool.ts";

export class Hsm extends DurableObject<SecretEnv> implements HsmObject {
  readonly #deployment: Deployment;
  readonly #secrets: Secrets;
  readonly #sql: SqlStorage;
  readonly #peers: Peers;
  /** Backups being made, by id: an order repeated meanwhile waits for the same one. */
  readonly #backups = new Map<string, Promise<Result<BackupReceipt>>>();
  /** Manufacture, restore and zeroization come one after another. */
  #exclusive: Promise<unknown> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: SecretEnv) {
    super(ctx, env);
    this.#deployment = deploymentOf(env);
    this.#secrets = secretsOf(env);
    this.#sql = ctx.storage.sql;
    this.#createTables();
    this.#peers = new Peers(ctx.storage, this.#deployment, this.#secrets, () => this.#digest());
  }

  manufacture(order: ManufactureOrder): Promise<Result<HardwareIdentity>> {
    const { location, hsmType } = order;
    return this.#alone(() => manufactureHsm(this.#siteOf(location, hsmType), order));
  }

  initialize(clusterCertificate: string, trustAnchor: string): Promise<Result<null>> {
    return this.#writing((memory, site) =>
      initializeHsm(memory, site, clusterCertificate, trustAnchor),
    );
  }

  createBackup(order: CreateBackupOrder): Promise<Result<BackupReceipt>> {
    const { backupId } = order.location;
    const running = this.#backups.get(backupId);
    if (running !== undefined) return running;
    const begun = refusalsOf(() =>
      backUp(this.#site(), order, (id) => this.#backups.has(id)),
    ).finally(() => this.#backups.delete(backupId));
    this.#backups.set(backupId, begun);
    return begun;
  }

  restore(order: StoredBackupOrder): Promise<Result<RestoreReceipt>> {
    return this.#alone(() => restoreHsm(this.#site(), order));
  }

  stateDigest(): Promise<Result<string>> {
    return refusalsOf(() => this.#digest());
  }

  /** No change comes after the flag, so the push behind it leaves no peer without one. */
  freeze(): Promise<Result<null>> {
    return refusalsOf(async () => {
      const { location } = this.#site();
      writeLocal(this.#sql, "frozen", true);
      const duty = readLocal(this.#sql, "duty");
      if (duty === null || duty.peers.length === 0) return null;
      this.#peers.forget(); // Where a peer was last heard of proves nothing of where it stands.
      await this.#settlePeers(location, duty.peers);
      // A peer may lead from here on: asked again, this HSM must not measure it by its own state.
      writeLocal(this.#sql, "duty", { ...duty, peers: [] });
      return null;
    });
  }

  serve(duty: ServiceDuty): Promise<Result<null>> {
    return refusalsOf(() => {
      this.#site();
      this.ctx.storage.transactionSync(() => {
        const led = readLocal(this.#sql, "duty")?.leader === true;
        if (duty.leader && !led) beginHistory(this.#sql);
        writeLocal(this.#sql, "duty", duty);
        writeLocal(this.#sql, "frozen", false);
      });
      this.#peers.forget();
      return null;
    });
  }

  isActivated(): Promise<Result<boolean>> {
    const isBlank = readLocal(this.#sql, "making") === null;
    return refusalsOf(() => !isBlank && this.#isActivated());
  }

  zeroize(): Promise<Result<null>> {
    return this.#alone(async () => {
      await this.ctx.storage.deleteAll();
      this.#createTables();
      await reached("hsm_zeroized", this.#deployment, this.ctx.storage);
      return null;
    });
  }

  position(withDigest: boolean): Promise<Result<PeerPosition>> {
    return refusalsOf(() => {
      this.#site();
      const stateDigest = withDigest ? this.#digest() : null;
      return { position: ownPosition(this.#sql), stateDigest };
    });
  }

  applyDelta(delta: Delta): Promise<Result<null>> {
    return refusalsOf(() =>
      withDeltaKeks(this.#secrets, this.#site().location, (keks) =>
        takeDelta(this.ctx.storage, keks, delta),
      ),
    );
  }

  call<K extends OperationName>(
    name: K,
    session: string,
    input: Input<K>,
  ): Promise<Result<Output<K>>> {
    return this.#writing(({ hsm }) => DATA_PLANE[name](hsm, session, input));
  }

  /**
   * Runs `f`, and answers only when what it changed is on every peer. An operation that refuses may
   * have changed something too: a wrong password counts.
   */
  #writing<T>(f: (memory: HsmMemory, site: HsmSite) => Promise<T>): Promise<Result<T>> {
    return refusalsOf(async () => {
      const before = this.#changeCount();
      try {
        const site = this.#site();
        using memory = openMemory(site);
        return await f(memory, site);
      } finally {
        if (this.#changeCount() !== before) await this.#replicate();
        await this.#noteActivation();
      }
    });
  }

  async #replicate(): Promise<void> {
    await reached("write_committed", this.#deployment, this.ctx.storage);
    const peers = readLocal(this.#sql, "duty")?.peers ?? [];
    await this.#settlePeers(this.#site().location, peers);
    await reached("write_replicated", this.#deployment, this.ctx.storage);
  }

  /** @throws Refused if a peer lacks a change and could not be taken out of service either. */
  async #settlePeers(location: HsmLocation, peers: readonly HsmLocation[]): Promise<void> {
    if (peers.length === 0 || (await this.#peers.push(location, peers))) return;
    throw new Refused({
      kind: "unavailable",
      code: "peers_unsettled",
      message:
        "The request was carried out, but not all HSMs of the cluster have heard of it yet. Look " +
        "whether it holds before you repeat it.",
    });
  }

  /**
   * Tells `Region` once that PRECO has become CO. What does not get through is told again with the
   * next request, since the configuration still says so. @throws Refused if zeroized.
   */
  async #noteActivation(): Promise<void> {
    if (readLocal(this.#sql, "activationNoted") === true || !this.#isActivated()) return;
    const { account, region, clusterId } = this.#site().location;
    try {
      const noted = await this.#deployment.region(account, region).noteActivated(clusterId);
      if (noted.ok) writeLocal(this.#sql, "activationNoted", true);
      else console.log("activation not noted", { clusterId, code: noted.refusal.code });
    } catch (error) {
      // What the request did is done: its answer must not become that of another object's failure.
      console.log("activation not noted", { clusterId, error: String(error) });
    }
  }

  /** Of the memory that serves now: while the operation waited, it may have become another. */
  #isActivated(): boolean {
    using memory = openMemory(this.#site());
    return memory.hsm.getConfiguration().activated;
  }

  /** Runs `f` when everything asked for before it, among what excludes each other, is over. */
  #alone<T>(f: () => Promise<T>): Promise<Result<T>> {
    const turn = this.#exclusive.then(() => refusalsOf(f));
    // The next one begins whatever became of this one; its caller hears of a failure.
    this.#exclusive = turn.catch(() => undefined);
    return turn;
  }

  #site(): HsmSite {
    const making = readLocal(this.#sql, "making");
    if (making === null) {
      const message = "The HSM is blank or zeroized. Create an HSM with CreateHsm.";
      throw new Refused({ kind: "conflict", code: "hsm_blank", message });
    }
    return this.#siteOf(making.location, making.hsmType);
  }

  #siteOf(location: HsmLocation, hsmType: string): HsmSite {
    const { storage } = this.ctx;
    return { storage, deployment: this.#deployment, secrets: this.#secrets, location, hsmType };
  }

  #digest(): string {
    using memory = openMemory(this.#site());
    return encodeHex(stateDigest(memory.store, memory.core));
  }

  #changeCount(): number {
    return lastChange(this.#sql, currentGeneration(this.#sql));
  }

  #createTables(): void {
    createRecordTables(this.#sql);
    createLocalTable(this.#sql);
    createSessionTable(this.#sql);
    createSpoolTables(this.#sql);
  }
}
