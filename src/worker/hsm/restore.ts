/**
 * A restore at the edge: from two objects in the bucket to an HSM's memory, or no change at all.
 *
 * Spec: docs/STORAGE.md, "Restoring" (I5); the bytes are those of src/backup/restore.ts. Records
 * are staged into a generation that nobody reads; when everything holds, one transaction makes it
 * the one that serves.
 */

import type { Header } from "../../backup/container/header.ts";
import type { ContainerSummary } from "../../backup/container/reader.ts";
import { restoreBackup, type Staging } from "../../backup/restore.ts";
import type { Pieces } from "../../backup/seal/body.ts";
import { sourceRefusal } from "../../cluster/eligibility.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import type { SnapshotRecord } from "../../hsm/memory/record.ts";
import { type DecodedRecord, decodeRecord, stateDigest } from "../../hsm/memory/snapshot.ts";
import type { RestoreReceipt, StoredBackupOrder } from "../contracts/hsm-api.ts";
import { Refused } from "../contracts/result.ts";
import { expectedOf, openersOf, openStored } from "../opening/stored.ts";
import { reached } from "../platform/reached.ts";
import { clearAttempts } from "./attempts.ts";
import { currentGeneration, flipGeneration, removeOtherGenerations } from "./generations.ts";
import { InstalledKeyring } from "./keyring.ts";
import { deleteLocal, writeLocal } from "./local.ts";
import { type HsmMemory, type HsmSite, openStaging } from "./memory.ts";
import { verifyInOrder } from "./service.ts";
import { SqliteSessions } from "./sessions.ts";

/**
 * Restores the backup that is ordered; afterwards nothing of the earlier state is left.
 *
 * @param number - of the order: one that comes late must not undo what followed it.
 * @throws Refused, BackupError, HsmError: the HSM is as it was, and what was staged is removed.
 */
export async function restoreHsm(
  site: HsmSite,
  order: StoredBackupOrder,
  number: number,
): Promise<RestoreReceipt> {
  const { storage, rows, deployment, secrets } = site;
  verifyInOrder(rows, number);
  removeOtherGenerations(rows); // What a restore that was cut off had staged.
  await reached("restore_begun", deployment, storage);
  const from = currentGeneration(rows);
  using memory = openStaging(site, from + 1);
  using keys = new InstalledKeyring(site, memory.kek);
  const staging = new SqliteStaging(site, memory, from, { order, number });
  const summary = await openStored(deployment, order, (stored) =>
    restoreBackup(
      { core: memory.core, subtle: crypto.subtle },
      keys.ring,
      openersOf(secrets),
      { ...stored, body: sliced(stored.body, site) },
      staging,
      { expected: expectedOf(order) },
    ),
  );
  await reached("restore_flipped", deployment, storage);
  removeOtherGenerations(rows);
  await reached("restore_old_removed", deployment, storage);
  return receiptOf(memory, summary);
}

/** The same pieces; between two of them, what was staged so far is durable. */
async function* sliced(body: Pieces, { deployment, storage }: HsmSite): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const piece of body) {
    if (!isFirst) await reached("restore_slice_staged", deployment, storage);
    isFirst = false;
    yield piece;
  }
  await reached("restore_staged", deployment, storage);
}

/** Most records, and about how many bytes of them, that wait to become rows together. */
const MAX_WAITING = 256;
const MAX_WAITING_BYTES = 256 * 1024;

interface NumberedOrder {
  readonly order: StoredBackupOrder;
  readonly number: number;
}

/** Records wait in the next generation of rows. */
class SqliteStaging implements Staging {
  readonly #site: HsmSite;
  readonly #memory: HsmMemory;
  readonly #from: number;
  readonly #order: StoredBackupOrder;
  readonly #number: number;
  /** Records that are not rows yet, and what they are together. */
  #waiting: DecodedRecord[] = [];
  #waitingBytes = 0;

  /** @param from - the generation that serves while records are staged. */
  constructor(site: HsmSite, memory: HsmMemory, from: number, { order, number }: NumberedOrder) {
    this.#order = order;
    this.#number = number;
    this.#site = site;
    this.#memory = memory;
    this.#from = from;
  }

  put(encoded: SnapshotRecord): void {
    const { record, index } = decodeRecord(encoded);
    this.#waiting.push({ record: { ...record, attributes: record.attributes.slice() }, index });
    this.#waitingBytes += encoded.bytes.length;
    const isFull = this.#waiting.length === MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES;
    if (isFull) this.#stageWaiting();
  }

  /** Many rows share a transaction and the lanes of a wrap. */
  #stageWaiting(): void {
    const { store } = this.#memory;
    try {
      store.transaction(() => store.putAll(this.#waiting));
    } finally {
      this.#forgetWaiting();
    }
  }

  #forgetWaiting(): void {
    for (const { record } of this.#waiting) record.secret?.[Symbol.dispose]();
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** The flip: pointer, sessions, counts of attempts and history in one transaction. */
  commit(summary: ContainerSummary): void {
    const { storage, rows } = this.#site;
    const { store, core } = this.#memory;
    const { generation } = store;
    this.#stageWaiting();
    verifyFits(summary.header, this.#order);
    if (!core.equal(stateDigest(store, core), summary.stateDigest)) {
      throw new Error("unreachable: the staged rows have another digest than the backup");
    }
    storage.transactionSync(() => {
      verifyInOrder(rows, this.#number);
      const { sum, counts } = store.rows;
      if (!flipGeneration(rows, this.#from, { generation, change: 0, sum, counts })) {
        const message = "Another restore finished on this HSM meanwhile. Try again.";
        throw new Refused({ kind: "conflict", code: "restore_overtaken", message });
      }
      new SqliteSessions(rows).clear();
      clearAttempts(rows);
      writeLocal(rows, "history", encodeHex(summary.containerDigest));
      writeLocal(rows, "ancestors", []);
      writeLocal(rows, "duty", { number: this.#number, leader: false, peers: [] });
      deleteLocal(rows, "hold");
      writeLocal(rows, "activationNoted", true);
    });
  }

  discard(): void {
    this.#forgetWaiting();
    removeOtherGenerations(this.#site.rows);
  }
}

/** Type and mode, once more, by what the authentic header says. @throws Refused. */
function verifyFits(header: Header, { source, target }: StoredBackupOrder): void {
  const { hsmType, mode } = header;
  const made = { backupId: source.backupId, state: "READY" as const, hsmType, mode };
  const refusal = sourceRefusal(made, target);
  if (refusal !== null) throw new Refused(refusal);
}

function receiptOf(memory: HsmMemory, summary: ContainerSummary): RestoreReceipt {
  const { clusterCertificatePem } = memory.hsm.getConfiguration();
  return {
    stateDigest: encodeHex(summary.stateDigest),
    clusterCertificate: clusterCertificatePem ?? "",
  };
}
