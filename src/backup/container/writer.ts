/**
 * Writes a container: prologue, header, MACs, frames, in parts, in one synchronous run.
 *
 * Spec: FORMAT.md §3.4, §6.2. Its inverse is reader.ts. Plaintext stays in one batch
 * buffer, which is wiped; what comes out is wrapped.
 */

import { concatBytes, viewOf } from "../../crypto/bytes.ts";
import type { Core, Kek } from "../../crypto/core.ts";
import {
  CHUNKS_PER_BATCH,
  FRAME,
  FRAME_PREFIX_BYTES,
  LABEL,
  labelBytes,
  PROLOGUE_BYTES,
} from "../format/layout.ts";
import { containerLength, type FramePlan } from "./header.ts";
import type { ContainerKeys } from "./key-block.ts";
import type { PayloadWriter } from "./payload-writer.ts";

/** What `createContainer` has put together. */
export interface ContainerParts {
  readonly keyBlock: Uint8Array<ArrayBuffer>;
  /** Taken over: wiped when the container is written or given up. */
  readonly keys: ContainerKeys;
  /** Prologue and header. */
  readonly header: Uint8Array<ArrayBuffer>;
  readonly plan: FramePlan;
  readonly payload: PayloadWriter;
}

/** A container about to be written. `using` wipes its keys if it never is. */
export class ContainerWriter implements Disposable {
  /** 176 bytes. */
  readonly keyBlock: Uint8Array<ArrayBuffer>;
  /** Exact length of all parts together. */
  readonly byteLength: number;
  readonly #core: Core;
  readonly #made: ContainerParts;

  constructor(core: Core, made: ContainerParts) {
    this.#core = core;
    this.#made = made;
    this.keyBlock = made.keyBlock;
    this.byteLength = containerLength(made.header.length - PROLOGUE_BYTES, made.plan);
  }

  /** 32 bytes. @throws TypeError before `parts` has ended. */
  get stateDigest(): Uint8Array {
    return this.#made.payload.stateDigest;
  }

  /**
   * The container in order, once, in fresh parts of at most 513 KiB. The keys are wiped at the end.
   */
  *parts(): Generator<Uint8Array<ArrayBuffer>> {
    const { keys, header } = this.#made;
    using digest = this.#core.sha256Stream();
    try {
      const front = concatBytes(header, headerMac(this.#core, keys, header));
      for (const part of this.#frames(front)) {
        digest.update(part);
        yield part;
      }
      yield trailerMac(this.#core, keys, digest.digest());
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Wipes the keys. Harmless when repeated. */
  [Symbol.dispose](): void {
    this.#made.keys[Symbol.dispose]();
  }

  /** `front`, then the wraps of all frames, batch by batch. */
  *#frames(front: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
    yield front;
    const { keys, plan, payload } = this.#made;
    using kek = this.#core.kek(keys.ebk);
    const batch = new FrameBatch(plan);
    try {
      for (const piece of payload.pieces()) {
        for (let taken = 0; taken < piece.length; ) {
          taken += batch.take(piece.subarray(taken));
          if (batch.isFull) yield batch.wrap(kek);
        }
      }
      if (!batch.isEmpty) yield batch.wrap(kek);
      if (!batch.isDone) throw new Error("unreachable: the payload is shorter than planned");
    } finally {
      batch.wipe();
    }
  }
}

/** HMAC(macKey, LABEL(header-mac) ‖ prologue ‖ header): 32 fresh bytes. */
export function headerMac(core: Core, keys: ContainerKeys, header: Uint8Array): Uint8Array {
  return core.hmacSha256(keys.macKey, labelBytes(LABEL.headerMac), header);
}

/**
 * HMAC(macKey, LABEL(trailer-mac) ‖ digest): 32 fresh bytes.
 * @param digest - SHA-256 of every byte of the container before it: one pass gives this MAC and, in a
 *   reader, the container digest.
 */
function trailerMac(
  core: Core,
  keys: Pick<ContainerKeys, "macKey">,
  digest: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const mac = core.hmacSha256(keys.macKey, labelBytes(LABEL.trailerMac), digest);
  return Uint8Array.from(mac);
}

/** Up to 32 framed plaintexts, filled with payload and wrapped together. */
class FrameBatch {
  readonly #plan: FramePlan;
  readonly #plain: Uint8Array;
  readonly #stride: number;
  /** Index of the batch's first frame, and of the frame being filled. */
  #first = 0;
  #index = 0;
  /** Payload bytes in the frame being filled. */
  #filled = 0;

  constructor(plan: FramePlan) {
    this.#plan = plan;
    this.#stride = FRAME_PREFIX_BYTES + plan.chunkBytes;
    this.#plain = new Uint8Array(Math.min(CHUNKS_PER_BATCH, plan.frameCount) * this.#stride);
  }

  get isFull(): boolean {
    return (this.#index - this.#first) * this.#stride === this.#plain.length;
  }

  get isEmpty(): boolean {
    return this.#index === this.#first;
  }

  get isDone(): boolean {
    return this.#index === this.#plan.frameCount;
  }

  /** Takes as much of `piece` as the current frame has room for; returns how much. */
  take(piece: Uint8Array): number {
    if (this.isDone) throw new Error("unreachable: the payload is longer than planned");
    const offset = (this.#index - this.#first) * this.#stride;
    const payloadBytes = this.#payloadBytes(this.#index);
    if (this.#filled === 0) this.#encodePrefix(offset);
    const taken = piece.subarray(0, payloadBytes - this.#filled);
    this.#plain.set(taken, offset + FRAME.payload + this.#filled);
    this.#filled += taken.length;
    if (this.#filled === payloadBytes) {
      this.#index += 1;
      this.#filled = 0;
    }
    return taken.length;
  }

  /** Wraps the frames of the batch and begins the next one: fresh bytes. */
  wrap(kek: Kek): Uint8Array<ArrayBuffer> {
    const last = this.#plan.frameCount - 1;
    const fullFrames = Math.min(this.#index, last) - this.#first;
    const full = this.#plain.subarray(0, fullFrames * this.#stride);
    const parts = full.length === 0 ? [] : [kek.kwpWrapChunks(full, this.#stride)];
    if (this.isDone) {
      const length = FRAME_PREFIX_BYTES + this.#plan.lastPayloadBytes;
      parts.push(kek.kwpWrap(this.#plain.subarray(full.length, full.length + length)));
    }
    this.#first = this.#index;
    this.wipe();
    return concatBytes(...parts);
  }

  wipe(): void {
    this.#plain.fill(0);
  }

  #payloadBytes(index: number): number {
    const { frameCount, chunkBytes, lastPayloadBytes } = this.#plan;
    return index === frameCount - 1 ? lastPayloadBytes : chunkBytes;
  }

  #encodePrefix(offset: number): void {
    const view = viewOf(this.#plain);
    view.setUint32(offset + FRAME.index, this.#index);
    view.setUint8(offset + FRAME.last, this.#index === this.#plan.frameCount - 1 ? 1 : 0);
  }
}
