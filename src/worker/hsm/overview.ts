/**
 * What an HSM's object knows of all records together, so that not every question walks them: how many
 * there are, and the digest of their state. Lost with the object.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". Known of one change of one generation: any other change makes it
 * unknown, also one that was rolled back. What authenticates the rows never relies on it.
 */
import { RECORD_TYPE, type RecordType } from "../../hsm/memory/record.ts";

/** Where a generation stands. */
interface Standing {
  readonly generation: number;
  readonly change: number;
}

/** Records by type, and how many of the keys are RSA or EC; or how much more there are. */
export class RecordCounts {
  readonly #byType: Map<RecordType, number>;
  #asymmetricKeys: number;

  constructor(byType: ReadonlyMap<RecordType, number> = new Map(), asymmetricKeys = 0) {
    this.#byType = new Map(byType);
    this.#asymmetricKeys = asymmetricKeys;
  }

  get asymmetricKeys(): number {
    return this.#asymmetricKeys;
  }

  of(type: RecordType): number {
    return this.#byType.get(type) ?? 0;
  }

  add(type: RecordType, by: number, isAsymmetricKey: boolean): void {
    this.#byType.set(type, this.of(type) + by);
    if (isAsymmetricKey) this.#asymmetricKeys += by;
  }

  plus(other: RecordCounts): RecordCounts {
    return this.#combined(other, 1);
  }

  minus(other: RecordCounts): RecordCounts {
    return this.#combined(other, -1);
  }

  #combined(other: RecordCounts, sign: 1 | -1): RecordCounts {
    const sum = new RecordCounts(this.#byType, this.#asymmetricKeys + sign * other.asymmetricKeys);
    for (const type of Object.values(RECORD_TYPE)) sum.add(type, sign * other.of(type), false);
    return sum;
  }
}

export class Overview {
  #counts: (Standing & { readonly counts: RecordCounts }) | null = null;
  #digest: (Standing & { readonly digest: string }) | null = null;

  /** Null: not known of this standing. */
  countsAt(standing: Standing): RecordCounts | null {
    return isOf(this.#counts, standing) ? this.#counts.counts : null;
  }

  keepCounts({ generation, change }: Standing, counts: RecordCounts): RecordCounts {
    this.#counts = { generation, change, counts };
    return counts;
  }

  /** Hexadecimal; null: not known of this standing. */
  digestAt(standing: Standing): string | null {
    return isOf(this.#digest, standing) ? this.#digest.digest : null;
  }

  keepDigest({ generation, change }: Standing, digest: string): string {
    this.#digest = { generation, change, digest };
    return digest;
  }

  /** To be called with each change, as numbers may come again: after a rollback, or from a new leader. */
  forget(): void {
    this.#counts = null;
    this.#digest = null;
  }
}

function isOf<Known extends Standing>(
  known: Known | null,
  { generation, change }: Standing,
): known is Known {
  return known?.generation === generation && known.change === change;
}
