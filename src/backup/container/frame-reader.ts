/**
 * The frames of a container, in pieces of any size: unwrapped in batches, checked, handed on.
 *
 * Spec: FORMAT.md §3.4, §3.5, §6.2. Frames are checked one by one; that none is missing at the end,
 * and that the whole is authentic, is the container reader's to say.
 */

import { viewOf } from "../../crypto/bytes.ts";
import type { Core, Kek } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import { BackupError } from "../format/errors.ts";
import { CHUNKS_PER_BATCH, FRAME, FRAME_PREFIX_BYTES } from "../format/layout.ts";
import type { FramePlan } from "./header.ts";
import type { PayloadReader } from "./payload-reader.ts";

export class FrameReader implements Disposable {
  readonly #kek: Kek;
  readonly #plan: FramePlan;
  readonly #payload: PayloadReader;
  /** Wrapped frames of the batch that is being collected. */
  readonly #wrapped: Uint8Array;
  #wrappedBytes = 0;
  /** Index of the first frame of that batch. */
  #index = 0;

  /** @param ebk - borrowed during the call. @param payload - borrowed. */
  constructor(core: Core, ebk: SecretKey, plan: FramePlan, payload: PayloadReader) {
    this.#kek = core.kek(ebk);
    this.#plan = plan;
    this.#payload = payload;
    const most = Math.min(CHUNKS_PER_BATCH, plan.frameCount) * plan.frameBytes;
    this.#wrapped = new Uint8Array(Math.max(most, plan.lastFrameBytes));
  }

  get isDone(): boolean {
    return this.#index === this.#plan.frameCount;
  }

  /** Frames that have been unwrapped. */
  get frameCount(): number {
    return this.#index;
  }

  /**
   * Takes as much of `piece` as belongs to the current batch; returns how much.
   * @throws BackupError `chunk_damaged`, `chunk_out_of_order`, and those of the payload.
   */
  take(piece: Uint8Array): number {
    const wanted = this.#batchBytes() - this.#wrappedBytes;
    const taken = piece.subarray(0, wanted);
    this.#wrapped.set(taken, this.#wrappedBytes);
    this.#wrappedBytes += taken.length;
    if (taken.length === wanted) this.#unwrapBatch();
    return taken.length;
  }

  /** Judges the complete frames that wait for others of their batch: no more bytes will come. */
  settle(): void {
    const { frameBytes } = this.#plan;
    const complete = this.#wrappedBytes - (this.#wrappedBytes % frameBytes);
    // The last frame does not wait, and what there is of it may be longer than a full one.
    if (complete === 0 || this.#batchFrames() === 0) return;
    const wrapped = this.#wrapped.subarray(0, complete);
    this.#wrappedBytes = 0;
    this.#takeFull(wrapped);
  }

  [Symbol.dispose](): void {
    this.#kek[Symbol.dispose]();
  }

  /** Full frames are collected up to a batch; the last frame comes by itself. */
  #batchFrames(): number {
    const fullFrames = this.#plan.frameCount - 1 - this.#index;
    return Math.min(fullFrames, CHUNKS_PER_BATCH);
  }

  #batchBytes(): number {
    const frames = this.#batchFrames();
    return frames === 0 ? this.#plan.lastFrameBytes : frames * this.#plan.frameBytes;
  }

  #unwrapBatch(): void {
    const wrapped = this.#wrapped.subarray(0, this.#wrappedBytes);
    this.#wrappedBytes = 0;
    if (this.#batchFrames() === 0) this.#handOn(this.#unwrapLast(wrapped), 1);
    else this.#takeFull(wrapped);
  }

  /** What is wrong with the frames before a refused one, or with what is in them, is told first. */
  #takeFull(wrapped: Uint8Array): void {
    const { frameBytes, chunkBytes } = this.#plan;
    const plain = this.#kek.kwpUnwrapChunks(wrapped, frameBytes);
    if (plain instanceof Uint8Array) {
      const frames = wrapped.length / frameBytes;
      this.#handOn(this.#ofLength(plain, frames * (FRAME_PREFIX_BYTES + chunkBytes)), frames);
      return;
    }
    const { refusedIndex } = plain;
    const index = this.#index + refusedIndex;
    if (refusedIndex > 0) this.#takeFull(wrapped.subarray(0, refusedIndex * frameBytes));
    throw new BackupError({ code: "chunk_damaged", index });
  }

  #unwrapLast(wrapped: Uint8Array): Uint8Array {
    const plain = this.#kek.kwpUnwrap(wrapped);
    if (plain === null) throw new BackupError({ code: "chunk_damaged", index: this.#index });
    return this.#ofLength(plain, FRAME_PREFIX_BYTES + this.#plan.lastPayloadBytes);
  }

  /** @param plain - of `frames` equal frames, wiped. */
  #handOn(plain: Uint8Array, frames: number): void {
    try {
      const stride = plain.length / frames;
      for (let offset = 0; offset < plain.length; offset += stride) {
        this.#verifyPrefix(plain, offset);
        this.#index += 1;
        this.#payload.push(plain.subarray(offset + FRAME.payload, offset + stride));
      }
    } finally {
      plain.fill(0);
    }
  }

  /** The length that KWP found must be the one that the header fixes (FORMAT.md §6.2). */
  #ofLength(plain: Uint8Array, expected: number): Uint8Array {
    if (plain.length === expected) return plain;
    plain.fill(0);
    throw new BackupError({ code: "chunk_damaged", index: this.#index });
  }

  #verifyPrefix(plain: Uint8Array, offset: number): void {
    const view = viewOf(plain);
    const index = this.#index;
    const got = view.getUint32(offset + FRAME.index);
    const last = index === this.#plan.frameCount - 1 ? 1 : 0;
    // Last flag and reserved bytes in one word: FORMAT.md §6.2.
    const flags = view.getUint32(offset + FRAME.last);
    if (got !== index || flags !== last * 2 ** 24) {
      throw new BackupError({ code: "chunk_out_of_order", index, got });
    }
  }
}
