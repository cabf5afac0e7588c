/**
 * The bucket of a region, and the only way in which it is asked: each question, and each piece of an object,
 * has a time after which it is no longer waited for.
 *
 * Spec: docs/STORAGE.md, I2, §3. What a bucket that hangs was asked may still come to pass, unheard. It does no
 * harm: an object that was put has a name that no row has, one that was deleted had none, and bytes that
 * come are read by nobody.
 */

import { Refused } from "../contracts/result.ts";
import { within } from "./deadline.ts";
import type { Schedule } from "./schedule.ts";

/** The bucket has no object of that name and etag, or an object that had to be new was there. */
class ObjectConflict extends Refused {
  constructor(key: string, what: string) {
    super({ kind: "conflict", code: "object_conflict", message: `object ${key}: ${what}` });
  }
}

/** An object whose bytes have not come yet. Whoever has one reads it, or drops it. */
export interface StoredObject {
  readonly size: number;
  /** All of it. @throws Refused `bucket_silent`. */
  bytes(): Promise<Uint8Array>;
  /** As it comes. @throws Refused `bucket_silent` if the next piece does not. */
  pieces(): AsyncGenerator<Uint8Array>;
  drop(): void;
}

/** Every method throws Refused `bucket_silent` when its time is over, and whatever the bucket throws. */
export class Bucket {
  readonly #bucket: R2Bucket;
  /** Of a put, and of everything else. */
  readonly #putMs: number;
  readonly #readMs: number;

  constructor(bucket: R2Bucket, { putMs, readMs }: Pick<Schedule, "putMs" | "readMs">) {
    this.#bucket = bucket;
    this.#putMs = putMs;
    this.#readMs = readMs;
  }

  /** What is known of the object; null: there is none of that name. */
  head(key: string): Promise<R2Object | null> {
    return answered(this.#readMs, this.#bucket.head(key));
  }

  list(options: R2ListOptions): Promise<R2Objects> {
    return answered(this.#readMs, this.#bucket.list(options));
  }

  delete(keys: string[]): Promise<void> {
    return answered(this.#readMs, this.#bucket.delete(keys));
  }

  /** @param etag - "" where it is not known. @returns null if there is no object of that name and etag. */
  async get(key: string, etag: string): Promise<StoredObject | null> {
    const readMs = this.#readMs;
    const options = etag === "" ? {} : { onlyIf: { etagMatches: etag } };
    const object: R2ObjectBody | R2Object | null = await answered(
      readMs,
      this.#bucket.get(key, options),
    );
    if (object === null || !("body" in object)) return null;
    return {
      size: object.size,
      bytes: async () => new Uint8Array(await answered(readMs, object.arrayBuffer())),
      pieces: () => piecesOf(object, readMs),
      // Not waited for: if the bucket hangs, this does not end either.
      drop: () => void object.body.cancel().catch(() => undefined),
    };
  }

  /** Puts bytes under a name that is still free. Returns the etag. */
  async putNew(key: string, bytes: Uint8Array): Promise<string> {
    const put = this.#bucket.put(key, bytes, { onlyIf: { etagDoesNotMatch: "*" } });
    const object = await answered(this.#putMs, put);
    if (object === null) throw new ObjectConflict(key, "already there");
    return object.etag;
  }

  /**
   * Puts a stream of exactly `byteLength` bytes under a name that is still free. Returns the etag.
   *
   * One part is held at a time: the next is asked for when the bucket has taken the one before. The time
   * is that of each part, and of the answer after the last.
   */
  async putNewStream(
    key: string,
    byteLength: number,
    parts: AsyncIterable<Uint8Array>,
  ): Promise<string> {
    const putMs = this.#putMs;
    const { readable, writable } = new FixedLengthStream(byteLength);
    const put = this.#bucket.put(key, readable, { onlyIf: { etagDoesNotMatch: "*" } });
    const sending = pump(parts, writable, putMs);
    const isSent = sending.catch(() => undefined);
    const answer = Promise.race([put, isSent.then(() => answered(putMs, put))]);
    const [stored, sent] = await Promise.allSettled([answer, sending]);
    // The source's own error explains more than the broken put that follows from it.
    if (sent.status === "rejected" && stored.status === "rejected") throw sent.reason;
    if (stored.status === "rejected") throw stored.reason;
    if (stored.value === null) throw new ObjectConflict(key, "already there");
    if (sent.status === "rejected") throw sent.reason;
    return stored.value.etag;
  }
}

async function* piecesOf({ body }: R2ObjectBody, readMs: number): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const next = await answered(readMs, reader.read());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not waited for: if the bucket hangs, this does not end either.
    reader.cancel().catch(() => undefined);
  }
}

async function pump(
  parts: AsyncIterable<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  ms: number,
): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const part of parts) await answered(ms, writer.write(part));
    await answered(ms, writer.close());
  } catch (error) {
    // The put ends with this error too. Not waited for: if the bucket hangs, this does as well.
    writer.abort(error).catch(() => undefined);
    throw error;
  }
}

function answered<T>(ms: number, answer: Promise<T>): Promise<T> {
  return within(ms, answer, () => bucketSilent(ms));
}

function bucketSilent(ms: number): Refused {
  const seconds = ms / 1000;
  const message = `The bucket has not answered for ${seconds} s. Try again; else look at R2.`;
  return new Refused({ kind: "unavailable", code: "bucket_silent", message });
}
