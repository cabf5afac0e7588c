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
import type { Caller, Input, OperationName, Output } from "../contracts/data-plane.ts";
import type { HsmObject } from "../contracts/durable-objects.ts";
import type {
  BackupReceipt,
  ComparedPeer,
  CreateBackupOrder,
  HardwareIdentity,
  ManufactureOrder,
  RestoreReceipt,
  ServiceOrder,
  StoredBackupOrder,
} from "../contracts/hsm-api.ts";
import type { Delta, PeerPosition } from "../contracts/peer-api.ts";
import type { HsmLocation } from "../contracts/place.ts";
import { Refused, type Result, success } from "../contracts/result.ts";
import { type SecretEnv, type Secrets, secretsOf } from "../opening/secrets.ts";
import { type Deployment, deploymentOf } from "../platform/deployment.ts";
import { refusalsOf } from "../platform/fault-response.ts";
import { log, reasonOf } from "../platform/log.ts";
import { reached } from "../platform/reached.ts";
import { hasAttempts } from "./attempts.ts";
import { backUp } from "./backup.ts";
import { Fitness, HSM_BLANK } from "./fitness.ts";
import { servingRow } from "./generations.ts";
import { initializeHsm, manufactureHsm, verifyNeverActivated, verifyReadable } from "./life.ts";
import { readLocal, writeLocal } from "./local.ts";
import { type HsmMemory, type HsmSite, openMemory, openToRead } from "./memory.ts";
import { MemorySql } from "./memory-sql.ts";
import { CHANGES_NOTHING, DATA_PLANE } from "./operations.ts";
import { Overview } from "./overview.ts";
import { isSamePosition, ownPosition, Peers, takeDelta, withDeltaKeks } from "./peers.ts";
import { restoreHsm } from "./restore.ts";
import { type HsmRows, RowMacs } from "./row-macs.ts";
import { Service, verifyObeyed } from "./service.ts";
import { createTables } from "./tables.ts";

/** What is asked of the memory, and by whose access key; "" where `Region` asks. */
interface Asked {
  readonly isRead: boolean;
  readonly accessKeyId: string;
  readonly obeyed: number;
}

export class Hsm extends DurableObject<SecretEnv> implements HsmObject {
  readonly #deployment: Deployment;
  readonly #secrets: Secrets;
  readonly #rows: HsmRows;
  readonly #fitness: Fitness;
  readonly #service: Service;
  /** Backups being made, by id: an order repeated meanwhile waits for the same one. */
  readonly #backups = new Map<string, Promise<Result<BackupReceipt>>>();
  /** Manufacture, restore and zeroization come one after another. */
  #exclusive: Promise<unknown> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: SecretEnv) {
    super(ctx, env);
    this.#deployment = deploymentOf(env);
    this.#secrets = secretsOf(env);
    const { name } = ctx.id;
    if (name === undefined) throw new Error("unreachable: an HSM object without a name");
    const sql = new MemorySql(ctx.storage.sql);
    createTables(sql);
    this.#rows = { sql, macs: new RowMacs(this.#secrets, name), overview: new Overview() };
    this.#fitness = new Fitness(this.#rows, this.#deployment, name);
    const { storage } = ctx;
    const peers = new Peers(this.#rows, this.#deployment, this.#secrets, () => this.#digest());
    this.#service = new Service(
      storage,
      this.#rows,
      this.#deployment,
      peers,
      () => this.#site().location,
    );
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
    const begun = this.#fitness
      .answer(async () => {
        await this.#mergeAttempts();
        return await backUp(this.#site(), order, (id) => this.#backups.has(id));
      }, "unread")
      .finally(() => this.#backups.delete(backupId));
    this.#backups.set(backupId, begun);
    return begun;
  }

  restore(order: StoredBackupOrder, number: number): Promise<Result<RestoreReceipt>> {
    return this.#alone(() => restoreHsm(this.#site(), order, number));
  }

  stateDigest(): Promise<Result<string>> {
    return this.#fitness.answer(() => this.#digest());
  }

  fitness(obeyed: number): Promise<Result<null>> {
    return this.#fitness.answer(() => this.#verifyFit(obeyed));
  }

  opens(obeyed: number): Promise<Result<null>> {
    return this.#fitness.answer(() => this.#verifyFit(obeyed), "unread");
  }

  #verifyFit(obeyed: number): null {
    verifyReadable(this.#site());
    verifyObeyed(this.#rows, obeyed);
    return null;
  }

  hold(holder: string): Promise<Result<null>> {
    return this.#fitness.answer(async () => {
      await this.#mergeAttempts();
      return await this.#service.hold(holder);
    });
  }

  release(holder: string): Promise<Result<null>> {
    return this.#fitness.answer(async () => {
      this.#service.release(holder);
      await this.#mergeAttempts();
      return null;
    });
  }

  bringUp(peer: HsmLocation): Promise<Result<ComparedPeer>> {
    return this.#fitness.answer(() => this.#service.bringUp(peer));
  }

  serve(order: ServiceOrder): Promise<Result<null>> {
    return this.#fitness.answer(async () => {
      await this.#service.serve(order);
      await this.#mergeAttempts();
      return null;
    });
  }

  /** One that is blank leads nobody, and never will again. */
  retire(number: number): Promise<Result<null>> {
    return this.#fitness.answer(async () => {
      if (this.#isBlank()) return null;
      await this.#mergeAttempts();
      return await this.#service.retire(number);
    });
  }

  isActivated(): Promise<Result<boolean>> {
    return this.#fitness.answer(() => !this.#isBlank() && this.#isActivated());
  }

  discard(): Promise<Result<null>> {
    return this.#inTurn(() =>
      refusalsOf(() => {
        verifyNeverActivated(this.#rows.sql);
        return this.#empty();
      }),
    );
  }

  /** Whatever its rows are like. */
  zeroize(): Promise<Result<null>> {
    return this.#inTurn(async () => success(await this.#empty()));
  }

  async #empty(): Promise<null> {
    await this.ctx.storage.deleteAll();
    createTables(this.#rows.sql);
    this.#rows.overview.forget();
    this.#fitness.forget();
    await reached("hsm_zeroized", this.#deployment, this.ctx.storage);
    return null;
  }

  position(withDigest: boolean): Promise<Result<PeerPosition>> {
    return this.#fitness.answer(() => {
      this.#site();
      const stateDigest = withDigest ? this.#digest() : null;
      return { position: ownPosition(this.#rows), stateDigest };
    });
  }

  applyDelta(delta: Delta): Promise<Result<null>> {
    return this.#fitness.answer(() =>
      withDeltaKeks(this.#secrets, this.#site().location, (keks) =>
        takeDelta(this.ctx.storage, this.#rows, keks, delta),
      ),
    );
  }

  call<K extends OperationName>(
    name: K,
    { accessKeyId, session, obeyed }: Caller,
    input: Input<K>,
  ): Promise<Result<Output<K>>> {
    const isRead = CHANGES_NOTHING.has(name);
    return this.#writing(({ hsm }) => DATA_PLANE[name](hsm, session, input), {
      isRead,
      accessKeyId,
      obeyed,
    });
  }

  /**
   * Runs `f`, and answers only when what it changed is on every peer. An operation that refuses may
   * have written something too: a wrong password counts.
   */
  #writing<T>(
    f: (memory: HsmMemory, site: HsmSite) => Promise<T>,
    { isRead, accessKeyId, obeyed }: Asked = { isRead: false, accessKeyId: "", obeyed: 0 },
  ): Promise<Result<T>> {
    return this.#fitness.answer(async () => {
      verifyObeyed(this.#rows, obeyed);
      if (!isRead) await this.#service.settle();
      const before = ownPosition(this.#rows);
      try {
        const site = this.#site();
        using memory = openMemory(site, this.#service, accessKeyId);
        return await f(memory, site);
      } finally {
        if (!isSamePosition(ownPosition(this.#rows), before)) await this.#service.replicate();
        await this.#noteActivation();
      }
    });
  }

  /**
   * Takes the counts of wrong passwords into the records where this HSM takes changes: before no
   * more are taken, when they are again, and for a backup. Else they wait beside the records.
   */
  async #mergeAttempts(): Promise<void> {
    if (!hasAttempts(this.#rows)) return;
    await this.#service.settle();
    if (!this.#service.takesChanges()) return;
    {
      using memory = openMemory(this.#site(), this.#service);
      memory.hsm.mergeAttempts();
    }
    await this.#service.replicate();
  }

  /**
   * Tells `Region` once that PRECO has become CO. What does not get through is told again with the
   * next request, since the configuration still says so. @throws Refused if zeroized.
   */
  async #noteActivation(): Promise<void> {
    if (readLocal(this.#rows, "activationNoted") === true || !this.#isActivated()) return;
    const { account, region, clusterId } = this.#site().location;
    try {
      const noted = await this.#deployment.region(account, region).noteActivated(clusterId);
      if (noted.ok) writeLocal(this.#rows, "activationNoted", true);
      else log("info", "activation_not_noted", { clusterId, code: noted.refusal.code });
    } catch (error) {
      // What the request did is done: its answer must not become that of another object's failure.
      log("info", "activation_not_noted", { clusterId, reason: reasonOf(error) });
    }
  }

  /** Of the memory that serves now: while the operation waited, it may have become another. */
  #isActivated(): boolean {
    using memory = openToRead(this.#site());
    return memory.hsm.getConfiguration().activated;
  }

  /** Runs `f` when everything asked for before it, among what excludes each other, is over. */
  #alone<T>(f: () => Promise<T>): Promise<Result<T>> {
    return this.#inTurn(() => this.#fitness.answer(f));
  }

  #inTurn<T>(f: () => Promise<Result<T>>): Promise<Result<T>> {
    const turn = this.#exclusive.then(f);
    // The next one begins whatever became of this one; its caller hears of a failure.
    this.#exclusive = turn.catch(() => undefined);
    return turn;
  }

  #isBlank(): boolean {
    return readLocal(this.#rows, "making") === null;
  }

  /** @throws Refused unless this HSM is there. */
  #site(): HsmSite {
    const making = readLocal(this.#rows, "making");
    if (making === null) {
      const message = "The HSM is blank or zeroized. Create an HSM with CreateHsm.";
      throw new Refused({ kind: "conflict", code: HSM_BLANK, message });
    }
    return this.#siteOf(making.location, making.hsmType);
  }

  #siteOf(location: HsmLocation, hsmType: string): HsmSite {
    const { storage } = this.ctx;
    const rows = this.#rows;
    return {
      storage,
      rows,
      deployment: this.#deployment,
      secrets: this.#secrets,
      location,
      hsmType,
    };
  }

  /** Of the memory that serves: rows are walked once for each change, however often it is asked for. */
  #digest(): string {
    const site = this.#site();
    const standing = servingRow(this.#rows);
    if (standing === null) throw new Error("unreachable: an HSM without a generation");
    const { overview } = this.#rows;
    const known = overview.digestAt(standing);
    if (known !== null) return known;
    using memory = openToRead(site);
    return overview.keepDigest(standing, encodeHex(stateDigest(memory.store, memory.core)));
  }
}
