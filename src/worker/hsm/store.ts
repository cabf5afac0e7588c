/**
 * An HSM's memory over one generation of rows: what the rules of `src/hsm` read and write.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". Secrets come out as `SecretKey` only, unwrapped one at a
 * time. Writes of one transaction share one number, by which peers are told what they miss.
 */
import type { Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { HsmRecord, RecordType } from "../../hsm/memory/record.ts";
import type { DecodedRecord } from "../../hsm/memory/snapshot.ts";
import type { HsmStore, StoredRecord, StoredSize } from "../../hsm/memory/store.ts";
import { Refused } from "../contracts/result.ts";
import { currentGeneration, lastChange } from "./generations.ts";
import type { HsmRows } from "./row-macs.ts";
import { type RecordRow, RecordRows } from "./rows.ts";
import { unwrapSecret, unwrapSecrets, type WrappedSecret } from "./storage-key.ts";

/** The generation a store was opened on no longer serves: a restore came between. */
class GenerationGone extends Refused {
  constructor() {
    super({
      kind: "conflict",
      code: "hsm_restored",
      message: "A backup was restored onto the HSM meanwhile. Log in again and repeat the request.",
    });
  }
}

/**
 * What a store is opened for. `staging`: being filled by a restore or at manufacture. `serving`: by
 * an operation; `admitChange` throws while this HSM takes no change of its cluster's state.
 */
export type StoreRole =
  | { readonly kind: "staging" }
  | { readonly kind: "serving"; readonly admitChange: () => void };

export class SqliteStore implements HsmStore {
  readonly #storage: DurableObjectStorage;
  readonly #hsmRows: HsmRows;
  readonly #rows: RecordRows;
  readonly #kek: Kek;
  readonly #role: StoreRole;
  readonly generation: number;
  /** Number of the change under way; null outside a transaction. */
  #change: number | null = null;
  #wrote = false;

  /** @param kek - the storage key of this HSM; borrowed for the life of this object. */
  constructor(
    storage: DurableObjectStorage,
    rows: HsmRows,
    kek: Kek,
    generation: number,
    role: StoreRole,
  ) {
    this.#storage = storage;
    this.#hsmRows = rows;
    this.#rows = new RecordRows(rows, generation, role.kind === "staging");
    this.#kek = kek;
    this.generation = generation;
    this.#role = role;
  }

  /** The rows of this generation, for whoever moves them as they are. */
  get rows(): RecordRows {
    return this.#rows;
  }

  get(type: RecordType, id: number): StoredRecord | null {
    const row = this.#rows.get(type, id);
    return row === null ? null : storedRecord(row);
  }

  find(type: RecordType, index: string): StoredRecord | null {
    const row = this.#rows.find(type, index);
    return row === null ? null : storedRecord(row);
  }

  secret(type: RecordType, id: number): SecretKey | null {
    const wrapped = this.#rows.get(type, id)?.wrapped ?? null;
    return wrapped === null ? null : unwrapSecret(this.#kek, type, id, wrapped);
  }

  list(type: RecordType, afterId: number, limit: number): StoredRecord[] {
    return this.#rows.list(type, afterId, limit).map(storedRecord);
  }

  listNamed(type: RecordType, index: string, afterId: number, limit: number): StoredRecord[] {
    return this.#rows.listNamed(type, index, afterId, limit).map(storedRecord);
  }

  *all(): Generator<HsmRecord> {
    for (const page of this.#rows.pages()) {
      const secrets = unwrapSecrets(this.#kek, page.map(wrappedSecret));
      try {
        for (const [i, { type, id, attributes }] of page.entries()) {
          yield { type, id, attributes, secret: secrets[i] ?? null };
        }
      } finally {
        for (const secret of secrets) secret?.[Symbol.dispose]();
      }
    }
  }

  *sizes(): Generator<StoredSize> {
    for (const page of this.#rows.sizes()) yield* page;
  }

  count(type: RecordType): number {
    return this.#rows.counts.of(type);
  }

  countAsymmetricKeys(): number {
    return this.#rows.counts.asymmetricKeys;
  }

  lastId(type: RecordType): number {
    return this.#rows.lastId(type);
  }

  put(record: HsmRecord, index: string, keepSecret = false): void {
    const change = this.#changing();
    const { type, id, attributes, secret } = record;
    const row = { type, id, name: index, attributes, change };
    if (!keepSecret) {
      this.#rows.insert(this.#kek, { ...row, secret });
      return;
    }
    if (secret !== null) throw new TypeError("secret: expected null with keepSecret");
    if (!this.#rows.update(row)) throw new RangeError(`record ${type}/${id}: absent`);
  }

  /** Takes new records into a generation that is being filled, their secrets wrapped in lanes. */
  putAll(records: readonly DecodedRecord[]): void {
    if (this.#role.kind !== "staging") throw new TypeError("putAll: expected to be staging");
    const change = this.#changing();
    const rows = records.map(({ record, index }) => ({ ...record, name: index, change }));
    this.#rows.insertAll(this.#kek, rows);
  }

  delete(type: RecordType, id: number): boolean {
    return this.#rows.remove(type, id, this.#changing());
  }

  transaction<T>(f: () => T): T {
    if (this.#change !== null) return f(); // Part of the transaction around it.
    // An operation that awaited while a restore flipped the pointer would write where nobody reads.
    const isServing = this.#role.kind === "serving";
    if (isServing && currentGeneration(this.#hsmRows) !== this.generation) {
      throw new GenerationGone();
    }
    // Staged rows are where a generation begins: peers that start from the same backup have them.
    this.#change = isServing ? lastChange(this.#hsmRows) + 1 : 0;
    this.#wrote = false;
    try {
      return this.#storage.transactionSync(() => {
        const result = f();
        if (this.#wrote && isServing) this.#rows.keepChange(this.#changing());
        return result;
      });
    } finally {
      this.#change = null;
      if (isServing) this.#rows.forget();
    }
  }

  #changing(): number {
    if (this.#change === null) throw new TypeError("a change needs a transaction");
    if (this.#role.kind === "serving" && !this.#wrote) this.#role.admitChange();
    this.#wrote = true;
    return this.#change;
  }
}

function wrappedSecret({ type, id, wrapped }: RecordRow): WrappedSecret | null {
  return wrapped === null ? null : { type, id, wrapped };
}

function storedRecord({ type, id, attributes, secretBytes }: RecordRow): StoredRecord {
  return { type, id, attributes, secretBytes };
}
