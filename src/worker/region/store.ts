/**
 * The region's rows: reading them, inserting them, and moving them from one state to the next.
 *
 * Every `move…` names the state it leaves and says whether it found it: between a check and its
 * write another event may have run. All of it is synchronous SQLite of one Durable Object.
 */
import type { BackupLocation } from "../../backup/seal/location.ts";
import type { Listed } from "../../cluster/listing.ts";
import {
  type BackupState,
  type ClusterState,
  type HsmState,
  mayBackupMove,
  mayClusterMove,
  mayHsmMove,
} from "../../cluster/states.ts";
import type { BackupReceipt } from "../contracts/hsm-api.ts";
import type { HsmLocation, Place } from "../contracts/place.ts";
import { migrate } from "../platform/schema.ts";
import { type ListedBackup, listedBackups, type WhichBackups } from "./listed-backups.ts";
import {
  type BackupRow,
  type ClusterRow,
  type HsmRow,
  REGION_SCHEMA,
  type SweepRow,
  type TagRow,
} from "./rows.ts";

type Value = string | number | null;

/** What may change together with a backup's state, beside what its HSM reports. */
type MovedColumn = "deleteAtMs" | "deletedBy" | "restoredAtMs" | "failure" | "checkedAtMs";

export class RegionStore {
  readonly #sql: SqlStorage;
  /** What `requirePlace` has read: once written, it never changes. */
  #place: Place | null = null;

  constructor(storage: DurableObjectStorage) {
    migrate(storage, "a region", REGION_SCHEMA);
    this.#sql = storage.sql;
  }

  /** The region's own name. Only asked for where a cluster exists: the first one wrote it down. */
  requirePlace(): Place {
    this.#place ??= this.#first<{ account: string; region: string }>(
      "SELECT account, region FROM place",
    );
    if (this.#place === null) throw new Error("unreachable: a cluster in a region without a name");
    return this.#place;
  }

  setPlace(place: Place): void {
    this.#sql.exec(
      "INSERT INTO place VALUES (1, ?, ?) ON CONFLICT DO NOTHING",
      place.account,
      place.region,
    );
  }

  /** Where the HSM of a row stands. */
  hsmLocation({ clusterId, hsmId }: HsmRow): HsmLocation {
    return { ...this.requirePlace(), clusterId, hsmId };
  }

  /** Where a copy of a row's backup is held. */
  backupLocation({ clusterId, backupId }: BackupRow): BackupLocation {
    return { ...this.requirePlace(), clusterId, backupId };
  }

  cluster(clusterId: string): ClusterRow | null {
    return this.#first<ClusterRow>("SELECT * FROM clusters WHERE clusterId = ?", clusterId);
  }

  /** Clusters that are not DELETED, or became so after `sinceMs`. */
  listedClusters(sinceMs: number): ClusterRow[] {
    const held = this.#sql.exec<ClusterRow>(
      "SELECT * FROM clusters INDEXED BY clustersHeld WHERE state <> 'DELETED'",
    );
    const deleted = this.#sql.exec<ClusterRow>(
      `SELECT * FROM clusters INDEXED BY clustersDeleted
       WHERE state = 'DELETED' AND deletedAtMs > ?`,
      sinceMs,
    );
    return [...held, ...deleted];
  }

  insertCluster(row: ClusterRow): void {
    this.#insert("clusters", row);
  }

  /** @returns false if the cluster was not in state `from`: nothing is changed then. */
  moveCluster(clusterId: string, from: ClusterState, to: ClusterState, message: string): boolean {
    if (!mayClusterMove(from, to)) throw new Error(`unreachable: cluster from ${from} to ${to}`);
    return this.#write(
      "UPDATE clusters SET state = ?, stateMessage = ? WHERE clusterId = ? AND state = ?",
      [to, message, clusterId, from],
    );
  }

  updateCluster(clusterId: string, changes: Partial<ClusterRow>): void {
    this.#update("clusters", "clusterId", clusterId, changes);
  }

  /** The number of the cluster's next order to its HSMs: higher than any that was given before. */
  nextOrderNumber(clusterId: string): number {
    return this.#sql
      .exec<{ n: number }>(
        `UPDATE clusters SET orderNumber = orderNumber + 1 WHERE clusterId = ?
         RETURNING orderNumber AS n`,
        clusterId,
      )
      .one().n;
  }

  hsm(hsmId: string): HsmRow | null {
    return this.#first<HsmRow>("SELECT * FROM hsms WHERE hsmId = ?", hsmId);
  }

  /** HSMs of a cluster that are not DELETED, in the order in which they were created. */
  hsmsOf(clusterId: string): HsmRow[] {
    return this.#sql
      .exec<HsmRow>(
        `SELECT * FROM hsms INDEXED BY hsmsOfClusterHeld
         WHERE clusterId = ? AND state <> 'DELETED' ORDER BY rowid`,
        clusterId,
      )
      .toArray();
  }

  /** Those that serve: the first one leads, which is the one that has served for longest. */
  activeHsms(clusterId: string): HsmRow[] {
    return this.hsmsOf(clusterId)
      .filter((hsm) => hsm.state === "ACTIVE")
      .sort((a, b) => a.joined - b.joined);
  }

  insertHsm(row: HsmRow): void {
    this.#insert("hsms", row);
  }

  /** @returns false if the HSM was not in state `from`: nothing is changed then. */
  moveHsm(hsmId: string, from: HsmState, to: HsmState, message: string): boolean {
    if (!mayHsmMove(from, to)) throw new Error(`unreachable: HSM from ${from} to ${to}`);
    return this.#write(
      "UPDATE hsms SET state = ?, stateMessage = ? WHERE hsmId = ? AND state = ?",
      [to, message, hsmId, from],
    );
  }

  /**
   * Into service by the order `number`. @returns false if the HSM was not in state `from`, or if it
   * has missed a write since it was told of to the leader: nothing is changed then.
   */
  enterService(hsmId: string, from: HsmState, number: number): boolean {
    if (!mayHsmMove(from, "ACTIVE")) throw new Error(`unreachable: HSM from ${from} to ACTIVE`);
    return this.#write(
      `UPDATE hsms SET state = 'ACTIVE', stateMessage = 'HSM created.', filled = 1, backupId = NULL
       WHERE hsmId = ? AND state = ? AND joined = ?`,
      [hsmId, from, number],
    );
  }

  updateHsm(hsmId: string, changes: Partial<HsmRow>): void {
    this.#update("hsms", "hsmId", hsmId, changes);
  }

  backup(backupId: string): BackupRow | null {
    return this.#first<BackupRow>("SELECT * FROM backups WHERE backupId = ?", backupId);
  }

  /** Backups by creation and id, from behind `start`, read some at a time. */
  backupsInOrder(
    start: Listed | null,
    which: WhichBackups,
    ascending: boolean,
  ): Generator<ListedBackup> {
    return listedBackups(this.#sql, start, which, ascending);
  }

  /** The READY backup with the highest number that is not marked as damaged; null if none is. */
  newestSound(clusterId: string): BackupRow | null {
    return this.#first<BackupRow>(
      `SELECT * FROM backups INDEXED BY backupsSound
       WHERE clusterId = ? AND state = 'READY' AND damage IS NULL
       ORDER BY chainNumber DESC LIMIT 1`,
      clusterId,
    );
  }

  /**
   * READY backups under the policy of retention that are before `chainNumber` in the chain and not
   * kept since a time after `keptSinceMs`: the `limit` oldest.
   */
  expiring(
    clusterId: string,
    { chainNumber, keptSinceMs }: { chainNumber: number; keptSinceMs: number },
    limit: number,
  ): BackupRow[] {
    // By time those behind it are walked, which are many where many are damaged: are there others?
    const first = this.#first<{ chainNumber: number }>(
      `SELECT chainNumber FROM backups INDEXED BY backupsExpiring
       WHERE clusterId = ? AND state = 'READY' AND neverExpires = 0 ORDER BY chainNumber LIMIT 1`,
      clusterId,
    );
    if (first === null || first.chainNumber >= chainNumber) return [];
    return this.#sql
      .exec<BackupRow>(
        `SELECT * FROM backups INDEXED BY backupsExpiringByKept
         WHERE clusterId = ? AND state = 'READY' AND neverExpires = 0
           AND max(createdAtMs, restoredAtMs) <= ? AND chainNumber < ?
         ORDER BY max(createdAtMs, restoredAtMs) LIMIT ?`,
        clusterId,
        keptSinceMs,
        chainNumber,
        limit,
      )
      .toArray();
  }

  /** Backups whose objects the region promises: those that were looked at longest ago, or never. */
  leastLookedAt(clusterId: string, limit: number): BackupRow[] {
    return this.#sql
      .exec<BackupRow>(
        `SELECT * FROM backups INDEXED BY backupsLookedAt
         WHERE clusterId = ? AND state IN ('READY', 'PENDING_DELETION')
         ORDER BY checkedAtMs LIMIT ?`,
        clusterId,
        limit,
      )
      .toArray();
  }

  /** As `leastLookedAt`, of those that were looked at after `nowMs`, as a clock once said. */
  lookedAtAfter(clusterId: string, nowMs: number, limit: number): BackupRow[] {
    return this.#sql
      .exec<BackupRow>(
        `SELECT * FROM backups INDEXED BY backupsLookedAt
         WHERE clusterId = ? AND state IN ('READY', 'PENDING_DELETION') AND checkedAtMs > ?
         ORDER BY checkedAtMs LIMIT ?`,
        clusterId,
        nowMs,
        limit,
      )
      .toArray();
  }

  backupInProgress(clusterId: string): BackupRow | null {
    return this.#first<BackupRow>(
      "SELECT * FROM backups WHERE clusterId = ? AND state = 'CREATE_IN_PROGRESS'",
      clusterId,
    );
  }

  insertBackup(row: BackupRow): void {
    this.#insert("backups", row);
  }

  /** @returns false if the backup was not in state `from`: nothing is changed then. */
  moveBackup(
    backupId: string,
    from: BackupState,
    to: BackupState,
    changes: Partial<Pick<BackupRow, MovedColumn | keyof BackupReceipt>> = {},
  ): boolean {
    if (!mayBackupMove(from, to)) throw new Error(`unreachable: backup from ${from} to ${to}`);
    const names = Object.keys(changes);
    return this.#write(
      `UPDATE backups SET state = ?${names.map((name) => `, ${name} = ?`).join("")}
       WHERE backupId = ? AND state = ?`,
      [to, ...Object.values(changes), backupId, from],
    );
  }

  updateBackup(backupId: string, changes: Partial<BackupRow>): void {
    this.#update("backups", "backupId", backupId, changes);
  }

  /** Where the sweep of the cluster's objects stands; null between two passes. */
  sweepOf(clusterId: string): SweepRow | null {
    return this.#first<SweepRow>("SELECT * FROM sweeps WHERE clusterId = ?", clusterId);
  }

  putSweep({ clusterId, after, clean }: SweepRow): void {
    this.#sql.exec("INSERT OR REPLACE INTO sweeps VALUES (?, ?, ?)", clusterId, after, clean);
  }

  deleteSweep(clusterId: string): void {
    this.#sql.exec("DELETE FROM sweeps WHERE clusterId = ?", clusterId);
  }

  tags(resourceId: string): TagRow[] {
    return this.#sql
      .exec<TagRow>("SELECT * FROM tags WHERE resourceId = ? ORDER BY key", resourceId)
      .toArray();
  }

  putTag(tag: TagRow): void {
    this.#sql.exec(
      `INSERT INTO tags VALUES (?, ?, ?)
       ON CONFLICT (resourceId, key) DO UPDATE SET value = excluded.value`,
      tag.resourceId,
      tag.key,
      tag.value,
    );
  }

  deleteTag(resourceId: string, key: string): void {
    this.#sql.exec("DELETE FROM tags WHERE resourceId = ? AND key = ?", resourceId, key);
  }

  #first<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...values: Value[]
  ): Row | null {
    return this.#sql.exec<Row>(query, ...values).toArray()[0] ?? null;
  }

  #write(query: string, values: Value[]): boolean {
    return this.#sql.exec(query, ...values).rowsWritten > 0;
  }

  #insert(table: string, row: Record<string, Value>): void {
    const names = Object.keys(row);
    const marks = names.map(() => "?").join(", ");
    this.#sql.exec(
      `INSERT INTO ${table} (${names.join(", ")}) VALUES (${marks})`,
      ...Object.values(row),
    );
  }

  #update(table: string, idColumn: string, id: string, changes: Record<string, Value>): void {
    const names = Object.keys(changes);
    if (names.length === 0) return;
    this.#sql.exec(
      `UPDATE ${table} SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE ${idColumn} = ?`,
      ...Object.values(changes),
      id,
    );
  }
}
