/**
 * What a region remembers: the tables of the `Region` object and the rows in them.
 *
 * Spec: docs/STORAGE.md §1, which has a line for every column. Rows hold no key material: of a
 * backup its names, sizes and digests; of an HSM its place in a cluster.
 */

import type { BackupState, BackupTrigger, ClusterState, HsmState } from "../../cluster/states.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { ClusterCertificates } from "../contracts/control-api.ts";
import type { SchemaStep } from "../platform/schema.ts";
import { REQUEST_TABLES } from "./admission.ts";
import { RECOVERY_TABLES } from "./recovery-proofs.ts";

export type ClusterRow = {
  clusterId: string;
  state: ClusterState;
  stateMessage: string;
  createdAtMs: number;
  deletedAtMs: number | null;
  hsmType: string;
  mode: HsmMode;
  retentionDays: number;
  /** JSON: zone to subnet. */
  subnetMapping: string;
  vpcId: string;
  securityGroup: string;
  networkType: string;
  sourceBackupId: string | null;
  lineageId: string;
  nextChainNumber: number;
  lastDigest: string;
  lastBackupAtMs: number | null;
  /** JSON of `ClusterCertificates`. */
  certificates: string;
  /** PEM, kept from InitializeCluster until the HSM has taken it in; "" otherwise. */
  trustAnchor: string;
  /** Of the latest order to its HSMs: an HSM takes none that is older than the last it took. */
  orderNumber: number;
};

/** The column `subnetMapping`: zone to subnet. */
export function subnetMappingOf(row: ClusterRow): Record<string, string> {
  return JSON.parse(row.subnetMapping);
}

/** The column `certificates`. */
export function certificatesOf(row: ClusterRow): ClusterCertificates {
  return JSON.parse(row.certificates);
}

export type HsmRow = {
  hsmId: string;
  clusterId: string;
  state: HsmState;
  stateMessage: string;
  createdAtMs: number;
  deletedAtMs: number | null;
  availabilityZone: string;
  subnetId: string;
  eniId: string;
  eniIp: string;
  /** 1 while it holds the cluster's state: its removal then waits for a backup. */
  filled: number;
  /** The backup its creation or removal waits for. */
  backupId: string | null;
  /**
   * Number of the order by which it joined the others, or is joining them; 0 from the moment that
   * they may go on without it.
   */
  joined: number;
  /** Number of the latest order that it answered to have taken: a memory that knows of none so late is an older one. */
  obeyed: number;
};

export type BackupRow = {
  backupId: string;
  clusterId: string;
  /** The HSM that makes it. */
  hsmId: string;
  state: BackupState;
  createdAtMs: number;
  deleteAtMs: number | null;
  neverExpires: number;
  hsmType: string;
  mode: HsmMode;
  lineageId: string;
  chainNumber: number;
  previousDigest: string;
  trigger: BackupTrigger;
  failure: string | null;
  /** PEM of the cluster certificate at the time. */
  clusterCertificate: string;
  bodyKey: string;
  bodyEtag: string;
  bodyBytes: number;
  envelopeKey: string;
  /** "" of a backup that 0.1.0 made, whose bytes this build does not read. */
  envelopeEtag: string;
  envelopeBytes: number;
  /** Of the newest envelope; 0 and "" where `envelopeEtag` is "". */
  envelopeNumber: number;
  /** Hex SHA-256. */
  envelopeDigest: string;
  containerDigest: string;
  containerBytes: number;
  stateDigest: string;
  /** Ids of the recovery keys that it is sealed for, with spaces between. */
  recoveryKeyIds: string;
  /** What is wrong with its objects; null while they are those that were put. */
  damage: string | null;
  /** What was wrong when its bytes were last read; in `damage` unless the bucket misses an object. */
  readFault: string | null;
  /** When its objects were last looked at. */
  checkedAtMs: number | null;
  /** Who set its end, which decides what happens then; null unless an end was set. */
  deletedBy: "person" | "purge" | null;
  /** When RestoreBackup last brought it back: its retention counts from then; 0: never. */
  restoredAtMs: number;
};

export type TagRow = { resourceId: string; key: string; value: string };

export type SweepRow = {
  clusterId: string;
  /** The last object that was looked at. */
  after: string;
  /** 1 while the pass, begun when the cluster was DELETED, has met orphans only. */
  clean: number;
};

export type DueRow = {
  task: string;
  subject: string;
  clusterId: string;
  dueAtMs: number;
  attempts: number;
  leased: number;
};

/** The tables of the first version; objects of builds before there were versions have them. */
const FIRST_TABLES: SchemaStep = [
  `CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1), account TEXT NOT NULL, region TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS clusters (
    clusterId TEXT PRIMARY KEY, state TEXT NOT NULL, stateMessage TEXT NOT NULL DEFAULT '',
    createdAtMs INTEGER NOT NULL, deletedAtMs INTEGER, hsmType TEXT NOT NULL, mode TEXT NOT NULL,
    retentionDays INTEGER NOT NULL, subnetMapping TEXT NOT NULL, vpcId TEXT NOT NULL,
    securityGroup TEXT NOT NULL, networkType TEXT NOT NULL, sourceBackupId TEXT,
    lineageId TEXT NOT NULL, nextChainNumber INTEGER NOT NULL, lastDigest TEXT NOT NULL,
    lastBackupAtMs INTEGER, certificates TEXT NOT NULL, trustAnchor TEXT NOT NULL DEFAULT '')`,
  `CREATE TABLE IF NOT EXISTS hsms (
    hsmId TEXT PRIMARY KEY, clusterId TEXT NOT NULL, state TEXT NOT NULL,
    stateMessage TEXT NOT NULL DEFAULT '', createdAtMs INTEGER NOT NULL, deletedAtMs INTEGER,
    availabilityZone TEXT NOT NULL, subnetId TEXT NOT NULL, eniId TEXT NOT NULL,
    eniIp TEXT NOT NULL, filled INTEGER NOT NULL DEFAULT 0, backupId TEXT)`,
  "CREATE INDEX IF NOT EXISTS hsmsOfCluster ON hsms (clusterId)",
  `CREATE TABLE IF NOT EXISTS backups (
    backupId TEXT PRIMARY KEY, clusterId TEXT NOT NULL, hsmId TEXT NOT NULL, state TEXT NOT NULL,
    createdAtMs INTEGER NOT NULL, deleteAtMs INTEGER, neverExpires INTEGER NOT NULL DEFAULT 0,
    hsmType TEXT NOT NULL, mode TEXT NOT NULL, lineageId TEXT NOT NULL,
    chainNumber INTEGER NOT NULL, previousDigest TEXT NOT NULL, trigger TEXT NOT NULL,
    failure TEXT, clusterCertificate TEXT NOT NULL, bodyKey TEXT NOT NULL DEFAULT '',
    bodyEtag TEXT NOT NULL DEFAULT '', bodyBytes INTEGER NOT NULL DEFAULT 0,
    envelopeKey TEXT NOT NULL DEFAULT '', envelopeBytes INTEGER NOT NULL DEFAULT 0,
    containerDigest TEXT NOT NULL DEFAULT '', containerBytes INTEGER NOT NULL DEFAULT 0,
    stateDigest TEXT NOT NULL DEFAULT '', restorableOffline INTEGER NOT NULL DEFAULT 0,
    UNIQUE (clusterId, chainNumber))`,
  "CREATE INDEX IF NOT EXISTS backupsOfCluster ON backups (clusterId, createdAtMs)",
  // Backups of one cluster are made one at a time: a second one in progress cannot be inserted.
  `CREATE UNIQUE INDEX IF NOT EXISTS backupInProgress ON backups (clusterId)
    WHERE state = 'CREATE_IN_PROGRESS'`,
  `CREATE TABLE IF NOT EXISTS tags (
    resourceId TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (resourceId, key)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS due (
    task TEXT NOT NULL, subject TEXT NOT NULL, clusterId TEXT NOT NULL, dueAtMs INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, leased INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (task, subject)) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS dueNext ON due (dueAtMs)",
];

/** Orders have numbers, and so have those who serve; each cluster is told anew. */
const ORDER_NUMBERS: SchemaStep = [
  "ALTER TABLE clusters ADD COLUMN orderNumber INTEGER NOT NULL DEFAULT 1",
  "ALTER TABLE hsms ADD COLUMN joined INTEGER NOT NULL DEFAULT 0",
  `UPDATE hsms SET joined = 1 WHERE state = 'ACTIVE'
    OR (state = 'DELETE_IN_PROGRESS' AND filled = 1 AND (backupId IS NULL OR clusterId NOT IN (
      SELECT clusterId FROM hsms WHERE state = 'ACTIVE')))`,
  // Leased: whatever is, is freed at the object's start, and the alarm set.
  `INSERT OR IGNORE INTO due (task, subject, clusterId, dueAtMs, leased)
    SELECT 'cluster_serve', clusterId, clusterId, 0, 1 FROM clusters WHERE state <> 'DELETED'`,
];

/** Ten thousand backups are listed, kept and let go without a walk through all of them. */
const INDEXES: SchemaStep = [
  "CREATE INDEX IF NOT EXISTS backupsByTime ON backups (createdAtMs, backupId)",
  `CREATE INDEX IF NOT EXISTS backupsByTimeHeld ON backups (createdAtMs, backupId)
    WHERE state <> 'DELETED'`,
  `CREATE INDEX IF NOT EXISTS backupsOfClusterHeld ON backups (clusterId, createdAtMs, backupId)
    WHERE state <> 'DELETED'`,
  `CREATE INDEX IF NOT EXISTS backupsHeld ON backups (clusterId, chainNumber)
    WHERE state <> 'DELETED'`,
  "DROP INDEX backupsOfCluster",
  "CREATE INDEX IF NOT EXISTS dueLeased ON due (leased) WHERE leased <> 0",
  "CREATE INDEX answersByState ON answers (accessKeyId, state, expiresAtMs)",
];

/** Of ten thousand that are kept an operation reads those that it is about. */
const INDEXES_OF_KEPT: SchemaStep = [
  `CREATE INDEX IF NOT EXISTS backupsListed
    ON backups (state, neverExpires, createdAtMs, backupId)`,
  `CREATE INDEX IF NOT EXISTS backupsListedOfCluster
    ON backups (clusterId, state, neverExpires, createdAtMs, backupId)`,
  `CREATE INDEX IF NOT EXISTS backupsSound ON backups (clusterId, chainNumber)
    WHERE state = 'READY' AND damage IS NULL`,
  `CREATE INDEX IF NOT EXISTS backupsExpiring ON backups (clusterId, chainNumber)
    WHERE state = 'READY' AND neverExpires = 0`,
  `CREATE INDEX IF NOT EXISTS backupsExpiringByTime ON backups (clusterId, createdAtMs, chainNumber)
    WHERE state = 'READY' AND neverExpires = 0`,
  `CREATE INDEX IF NOT EXISTS backupsLookedAt ON backups (clusterId, checkedAtMs)
    WHERE state IN ('READY', 'PENDING_DELETION')`,
  "DROP INDEX backupsByTime",
  "DROP INDEX backupsByTimeHeld",
  "DROP INDEX backupsOfClusterHeld",
  "DROP INDEX backupsHeld",
];

/** HSMs and clusters that are gone keep their rows, and are read no more. */
const INDEXES_OF_LIVING: SchemaStep = [
  `CREATE INDEX IF NOT EXISTS hsmsOfClusterHeld ON hsms (clusterId) WHERE state <> 'DELETED'`,
  "DROP INDEX hsmsOfCluster",
  `CREATE INDEX IF NOT EXISTS clustersHeld ON clusters (clusterId) WHERE state <> 'DELETED'`,
  `CREATE INDEX IF NOT EXISTS clustersDeleted ON clusters (deletedAtMs) WHERE state = 'DELETED'`,
];

export const REGION_SCHEMA: readonly SchemaStep[] = [
  FIRST_TABLES,
  ["ALTER TABLE backups ADD COLUMN envelopeEtag TEXT NOT NULL DEFAULT ''"],
  REQUEST_TABLES,
  [
    "ALTER TABLE backups ADD COLUMN damage TEXT",
    "ALTER TABLE backups ADD COLUMN checkedAtMs INTEGER",
    "ALTER TABLE backups ADD COLUMN deletedBy TEXT",
    // Who it was is not known any more; the purge's end is the one that looks before it acts.
    "UPDATE backups SET deletedBy = 'purge' WHERE state = 'PENDING_DELETION'",
    // The prefix was free before; from now on such a tag says what only the region may say.
    "DELETE FROM tags WHERE lower(substr(key, 1, 9)) = 'holdfast:'",
    `INSERT INTO due (task, subject, clusterId, dueAtMs)
     SELECT 'backup_check', clusterId, clusterId, 0 FROM clusters`,
  ],
  ORDER_NUMBERS,
  [
    `CREATE TABLE sweeps (
      clusterId TEXT PRIMARY KEY, after TEXT NOT NULL, clean INTEGER NOT NULL) WITHOUT ROWID`,
  ],
  INDEXES,
  // It is none that somebody without the key could make.
  ["ALTER TABLE answers RENAME COLUMN requestHash TO requestMac"],
  [
    "ALTER TABLE backups ADD COLUMN envelopeNumber INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE backups ADD COLUMN envelopeDigest TEXT NOT NULL DEFAULT ''",
    // Their bytes are of another form: each is marked.
    `INSERT OR REPLACE INTO due (task, subject, clusterId, dueAtMs)
     SELECT 'backup_check', clusterId, clusterId, 0 FROM clusters`,
    "ALTER TABLE backups ADD COLUMN recoveryKeyIds TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE backups DROP COLUMN restorableOffline",
  ],
  RECOVERY_TABLES,
  INDEXES_OF_KEPT,
  INDEXES_OF_LIVING,
  // Which cluster's task is next, behind thousands that another one has due.
  ["CREATE INDEX IF NOT EXISTS dueOfCluster ON due (clusterId, dueAtMs)"],
  ["ALTER TABLE backups ADD COLUMN readFault TEXT"],
  [
    "ALTER TABLE backups ADD COLUMN restoredAtMs INTEGER NOT NULL DEFAULT 0",
    `CREATE INDEX backupsExpiringByKept
      ON backups (clusterId, max(createdAtMs, restoredAtMs), chainNumber)
      WHERE state = 'READY' AND neverExpires = 0`,
    "DROP INDEX backupsExpiringByTime",
  ],
  ["ALTER TABLE hsms ADD COLUMN obeyed INTEGER NOT NULL DEFAULT 0"],
];
