/**
 * A backup at the edge: from an HSM's memory to two objects in the bucket and a receipt.
 *
 * Spec: docs/STORAGE.md, "Making a backup"; the bytes are those of
 * src/backup/create.ts. Until the receipt is stored nothing is promised: an order asked
 * again starts anew, under a fresh EBK and a fresh seal.
 */

import { type BackupStore, type CreatedBackup, createBackup } from "../../backup/create.ts";
import type { Recipients } from "../../backup/seal/recipients.ts";
import { encodeHex, requireHex } from "../../crypto/base-encodings.ts";
import { snapshotSource } from "../../hsm/memory/snapshot.ts";
import type { BackupReceipt, CreateBackupOrder } from "../contracts/hsm-api.ts";
import { kmsOf } from "../opening/stored.ts";
import type { Bucket } from "../platform/bucket.ts";
import { randomBytes } from "../platform/engine.ts";
import { backupBucket, bodyKey, envelopeKey } from "../platform/objects.ts";
import { reached } from "../platform/reached.ts";
import { lastChange } from "./generations.ts";
import { InstalledKeyring } from "./keyring.ts";
import { addAncestor } from "./local.ts";
import { type HsmSite, openToRead } from "./memory.ts";
import {
  clearSpool,
  readParts,
  readReceipt,
  spooledBackups,
  writeParts,
  writeReceipt,
} from "./spool.ts";
import { verifyBesideRecords, verifyMemory } from "./tables.ts";

/**
 * Makes the backup that is ordered, or answers with the receipt of the one that was made.
 *
 * @param isRunning - whether a backup of that id is being made in this object: its spool is kept.
 * @throws Refused, BackupError `key_inactive`, `verification_failed`, whatever the bucket throws.
 */
export async function backUp(
  site: HsmSite,
  order: CreateBackupOrder,
  isRunning: (backupId: string) => boolean,
): Promise<BackupReceipt> {
  const { storage, rows, deployment } = site;
  const { location } = order;
  const { backupId } = location;
  const known = readReceipt(rows, backupId);
  if (known !== null) return known;
  for (const id of spooledBackups(rows)) if (!isRunning(id)) clearSpool(rows, id);
  await reached("backup_begun", deployment, storage);
  using memory = openToRead(site);
  using keys = new InstalledKeyring(site, memory.kek);
  const put = new PutBackup(site, order);
  const { core } = memory;
  const created = await createBackup(
    { core, subtle: crypto.subtle, random: randomBytes },
    keys.ring,
    recipientsOf(site),
    { origin: originOf(order), location, source: snapshotSource(memory.store) },
    put,
  ).catch((error) => {
    // Lengths were planned by rows that were looked at only as they were encoded.
    verifyMemory(rows);
    throw error;
  });
  const receipt = put.receipt(created);
  storage.transactionSync(() => {
    writeReceipt(rows, backupId, receipt);
    addAncestor(rows, { history: receipt.containerDigest, change: put.change, snapshot: true });
  });
  await reached("backup_receipt_stored", deployment, storage);
  clearSpool(rows, backupId);
  await reached("backup_spool_cleared", deployment, storage);
  return receipt;
}

/** New backups are sealed for the active CMK and, unless the deployment has none, for the recovery keys. */
function recipientsOf({ deployment, secrets }: HsmSite): Recipients {
  return { kms: kmsOf(secrets), recoveryKeys: deployment.recoveryKeys };
}

function originOf({ location, origin }: CreateBackupOrder) {
  const { backupId, clusterId, region } = location;
  const previousDigest = requireHex(origin.previousDigest);
  return { ...origin, backupId, clusterId, region, previousDigest };
}

/** Where one backup is kept: rows of the spool, then two objects of the bucket. */
class PutBackup implements BackupStore {
  readonly #site: HsmSite;
  readonly #order: CreateBackupOrder;
  readonly #bucket: Bucket;
  #bodyKey = "";
  #bodyEtag = "";
  #envelopeKey = "";
  #envelopeEtag = "";
  /** Number of the latest change inside the snapshot. */
  change = 0;

  constructor(site: HsmSite, order: CreateBackupOrder) {
    this.#site = site;
    this.#order = order;
    this.#bucket = backupBucket(site.deployment, order.location.region);
  }

  readonly spool = {
    write: (parts: Iterable<Uint8Array>): void => {
      const { storage, rows } = this.#site;
      verifyBesideRecords(rows);
      this.change = lastChange(rows);
      const { backupId } = this.#order.location;
      storage.transactionSync(() => writeParts(rows, backupId, parts));
    },
    read: (): Iterable<Uint8Array> => readParts(this.#site.rows, this.#order.location.backupId),
  };

  async putBody(
    sealId: Uint8Array,
    byteLength: number,
    body: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { storage, deployment } = this.#site;
    await reached("backup_spooled", deployment, storage);
    this.#bodyKey = bodyKey(this.#order.location, sealId);
    this.#bodyEtag = await this.#bucket.putNewStream(this.#bodyKey, byteLength, body);
    await reached("backup_body_put", deployment, storage);
  }

  async putEnvelope(sealId: Uint8Array, envelope: Uint8Array): Promise<void> {
    const { storage, deployment } = this.#site;
    this.#envelopeKey = envelopeKey(this.#order.location, sealId, 1);
    this.#envelopeEtag = await this.#bucket.putNew(this.#envelopeKey, envelope);
    await reached("backup_envelope_put", deployment, storage);
  }

  /** What the catalogue is to keep of the backup that was put here. */
  receipt(created: CreatedBackup): BackupReceipt {
    return {
      bodyKey: this.#bodyKey,
      bodyEtag: this.#bodyEtag,
      bodyBytes: created.bodyBytes,
      envelopeKey: this.#envelopeKey,
      envelopeEtag: this.#envelopeEtag,
      envelopeBytes: created.envelopeBytes,
      envelopeNumber: created.envelopeNumber,
      envelopeDigest: encodeHex(created.envelopeDigest),
      containerDigest: encodeHex(created.containerDigest),
      containerBytes: created.containerBytes,
      stateDigest: encodeHex(created.stateDigest),
      recoveryKeyIds: created.recoveryKeyIds,
    };
  }
}
