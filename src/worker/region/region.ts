/**
 * The `Region` Durable Object: control plane and backup catalogue of one account in one region.
 *
 * Spec: docs/STORAGE.md §1 to §3. This file is the door: RPC in, `Result` out; the work is in
 * the files beside it. Neither keys nor the bytes of a backup pass through here.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  CreateClusterOrder,
  CreateHsmOrder,
  DeleteHsmOrder,
  InitializeOrder,
  ListOrder,
  Tag,
} from "../contracts/control-api.ts";
import type { RegionObject } from "../contracts/durable-objects.ts";
import type { Place } from "../contracts/place.ts";
import type { ChallengeNote, RequestOrder, RequestOutcome } from "../contracts/region-api.ts";
import type { Result } from "../contracts/result.ts";
import { deploymentOf, type Env } from "../platform/deployment.ts";
import { randomBytes } from "../platform/engine.ts";
import { reached } from "../platform/reached.ts";
import type { StorageStep } from "../platform/steps.ts";
import { RequestLedger } from "./admission.ts";
import { AGENDA } from "./agenda.ts";
import { inspectBackup, verifyBackup } from "./backup-reading.ts";
import {
  backUpNow,
  deleteBackup,
  describeBackup,
  describeBackups,
  modifyBackup,
  readableBackup,
  undeleteBackup,
} from "./backups.ts";
import { mendDates, runSlice } from "./clockwork.ts";
import {
  createCluster,
  deleteCluster,
  describeClusters,
  initializeCluster,
  modifyCluster,
} from "./clusters.ts";
import type { RegionContext } from "./context.ts";
import { DueTable } from "./due.ts";
import {
  createHsm,
  deleteHsm,
  noteActivated,
  noteDegraded,
  noteUnfit,
  servingHsms,
} from "./hsms.ts";
import { RecoveryProofs } from "./recovery-proofs.ts";
import { RegionStore } from "./store.ts";
import { listTags, tagResource, untagResource } from "./tags.ts";

/** A task this late means that the alarm has been lost. */
const OVERDUE_MS = 60_000;

export class Region extends DurableObject<Env> implements RegionObject {
  readonly #context: RegionContext;
  readonly #requests: RequestLedger;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const deployment = deploymentOf(env);
    const { storage } = state;
    this.#context = {
      store: new RegionStore(storage),
      due: new DueTable(storage),
      proofs: new RecoveryProofs(storage.sql),
      deployment,
      random: randomBytes,
      nowMs: () => Date.now(),
      reached: (step) => reached(step, deployment, storage),
    };
    this.#requests = new RequestLedger(storage.sql);
    this.#context.due.releaseAll(Date.now());
  }

  override async alarm(): Promise<void> {
    await runSlice(this.#context, AGENDA);
  }

  async watch(): Promise<void> {
    mendDates(this.#context, AGENDA);
    if (this.#context.due.isOverdue(Date.now() - OVERDUE_MS)) this.#context.due.arm();
  }

  async createCluster(place: Place, order: CreateClusterOrder) {
    await this.#context.deployment.registry().register(place);
    return this.#after("region_cluster_created", createCluster(this.#context, place, order));
  }

  async describeClusters(order: ListOrder) {
    return describeClusters(this.#context, order);
  }

  initializeCluster(order: InitializeOrder) {
    return initializeCluster(this.#context, order);
  }

  async modifyCluster(clusterId: string, retentionDays: number) {
    return modifyCluster(this.#context, clusterId, retentionDays);
  }

  async deleteCluster(clusterId: string) {
    return deleteCluster(this.#context, clusterId);
  }

  async createHsm(order: CreateHsmOrder) {
    return this.#after("region_hsm_created", createHsm(this.#context, order));
  }

  async deleteHsm(order: DeleteHsmOrder) {
    return deleteHsm(this.#context, order);
  }

  async describeBackups(order: ListOrder) {
    return describeBackups(this.#context, order);
  }

  async deleteBackup(backupId: string) {
    return this.#after("region_backup_pending_deletion", deleteBackup(this.#context, backupId));
  }

  async undeleteBackup(backupId: string) {
    return this.#after("region_backup_restored", undeleteBackup(this.#context, backupId));
  }

  async modifyBackup(backupId: string, neverExpires: boolean) {
    return modifyBackup(this.#context, backupId, neverExpires);
  }

  async listTags(resourceId: string) {
    return listTags(this.#context, resourceId);
  }

  async tagResource(resourceId: string, tags: readonly Tag[]) {
    return tagResource(this.#context, resourceId, tags);
  }

  async untagResource(resourceId: string, keys: readonly string[]) {
    return untagResource(this.#context, resourceId, keys);
  }

  async admitRequest(order: RequestOrder) {
    return this.#requests.admit(order, Date.now());
  }

  async settleRequest(accessKeyId: string, key: string, outcome: RequestOutcome) {
    this.#requests.settle(accessKeyId, key, outcome);
  }

  async servingHsms(clusterId: string) {
    return servingHsms(this.#context, clusterId);
  }

  async noteActivated(clusterId: string) {
    return this.#after("region_cluster_active", noteActivated(this.#context, clusterId));
  }

  async noteDegraded(clusterId: string, hsmId: string, reporterId: string) {
    return noteDegraded(this.#context, clusterId, hsmId, reporterId);
  }

  async noteUnfit(hsmId: string, why: "changed" | "blank") {
    return noteUnfit(this.#context, hsmId, why);
  }

  async backUpNow(clusterId: string) {
    return this.#after("region_backup_begun", backUpNow(this.#context, clusterId));
  }

  async noteChallenge(note: ChallengeNote) {
    this.#context.proofs.noteChallenge(note);
  }

  proveRecoveryKey(keyId: string, challengeId: string, answer: string) {
    return this.#context.proofs.prove(keyId, challengeId, answer, Date.now());
  }

  async recoveryProofs() {
    return this.#context.proofs.all();
  }

  async backup(backupId: string) {
    return describeBackup(this.#context, backupId);
  }

  async readableBackup(backupId: string) {
    return readableBackup(this.#context, backupId);
  }

  verifyBackup(backupId: string) {
    return verifyBackup(this.#context, backupId);
  }

  inspectBackup(backupId: string, after: number, limit: number) {
    return inspectBackup(this.#context, backupId, after, limit);
  }

  /** The rows are written: a crash test may stop here, before the caller hears of it. */
  async #after<T>(step: StorageStep, work: Result<T> | Promise<Result<T>>): Promise<Result<T>> {
    const result = await work;
    if (result.ok) await this.#context.reached(step);
    return result;
  }
}
