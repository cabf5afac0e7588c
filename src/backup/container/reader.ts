/**
 * Reads a container in pieces of any size: a synchronous push parser with bounded memory.
 *
 * Spec: FORMAT.md §3.5; its inverse is writer.ts. Every byte is untrusted until `finish`
 * returns; records go to a sink that nobody may use before that.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { equalBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import type { HashStream } from "../../crypto/hash-stream.ts";
import type { SnapshotSink } from "../../hsm/memory/record.ts";
import { BackupError } from "../format/errors.ts";
import type { Keyring } from "../format/keys.ts";
import {
  LABEL,
  labelBytes,
  MAC_BYTES,
  MAX_HEADER_BYTES,
  PROLOGUE_BYTES,
} from "../format/layout.ts";
import { verifyLength } from "../format/magic.ts";
import { FrameReader } from "./frame-reader.ts";
import { type Expected, openHeader, verifyExpected } from "./front.ts";
import { containerLength, decodePrologue, type Header, planFrames } from "./header.ts";
import { decodeKeyBlock } from "./key-block.ts";
import type { ManifestEntry } from "./manifest.ts";
import { PayloadReader, type PayloadSummary } from "./payload-reader.ts";

/** A check that has held, in the order of reading; `done` of `total` where there is a count. */
export interface ReadStep {
  readonly name: "key_block" | "header" | "chunks" | "manifest" | "trailer";
  readonly done: number;
  readonly total: number;
}

export interface ReadOptions {
  readonly expected?: Expected;
  /** Told of each record before the container is authentic as a whole. */
  readonly onEntry?: (entry: ManifestEntry) => void;
  readonly onStep?: (step: ReadStep) => void;
}

/** What a container is read with by those who hold it. */
export interface ContainerOptions extends ReadOptions {
  /** Length of the container, where it is known before its end. */
  readonly containerBytes?: number;
}

/** What is known of a container that has been read to its end and holds. */
export interface ContainerSummary extends PayloadSummary {
  readonly header: Header;
  readonly containerBytes: number;
  /** SHA-256 of the container, 32 bytes. */
  readonly containerDigest: Uint8Array;
}

/** What is alive once the header is authentic. */
interface Body extends Disposable {
  readonly header: Header;
  readonly containerBytes: number;
  readonly frames: FrameReader;
  readonly payload: PayloadReader;
  /** Under the MAC key, up to the digest that it authenticates. */
  readonly trailer: HashStream;
  /** Of the container as far as it was read. */
  readonly digest: HashStream;
}

export class ContainerReader implements Disposable {
  readonly #core: Core;
  readonly #ring: Keyring;
  readonly #keyBlock: Uint8Array;
  readonly #sink: SnapshotSink;
  readonly #options: ContainerOptions;
  /** Prologue, header and its MAC; later the trailer. */
  readonly #held: Uint8Array = new Uint8Array(PROLOGUE_BYTES + MAX_HEADER_BYTES + MAC_BYTES);
  #heldBytes = 0;
  #wantedBytes: number = PROLOGUE_BYTES;
  #receivedBytes = 0;
  #body: Body | null = null;
  #payload: PayloadSummary | null = null;
  #summary: ContainerSummary | null = null;
  #isOver = false;

  /**
   * @param ring - borrowed. @param keyBlock - 176 bytes, borrowed.
   * @param sink - a staging area: what it gets is believed only after `finish`.
   * @throws BackupError if the key block is none of ours.
   */
  constructor(
    core: Core,
    ring: Keyring,
    keyBlock: Uint8Array,
    sink: SnapshotSink,
    options: ContainerOptions = {},
  ) {
    decodeKeyBlock(keyBlock);
    this.#core = core;
    this.#ring = ring;
    this.#keyBlock = keyBlock;
    this.#sink = sink;
    this.#options = options;
  }

  /** The header, once it is authentic; before that null. */
  get header(): Header | null {
    return this.#body?.header ?? null;
  }

  /** Exact length of the container, once the header is authentic; before that null. */
  get containerBytes(): number | null {
    return this.#body?.containerBytes ?? null;
  }

  /** @param bytes - any number, borrowed. @throws BackupError; the reader is over then. */
  push(bytes: Uint8Array): void {
    this.#guarded(() => {
      for (let at = 0; at < bytes.length; ) {
        const taken = this.#take(bytes.subarray(at));
        at += taken;
        this.#receivedBytes += taken;
      }
    });
  }

  /**
   * Pushes all of `pieces`. When they end early, or their source throws, what is complete of what it
   * gave is judged first: which fault is told does not depend on how frames are batched.
   * @throws BackupError, and whatever the source throws.
   */
  async pushAll(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of pieces) this.push(bytes);
    } finally {
      if (!this.#isOver) this.settle();
    }
  }

  /** Judges what is complete of what was pushed. @throws BackupError; the reader is over then. */
  settle(): void {
    this.#guarded(() => this.#body?.frames.settle());
  }

  /**
   * Ends the container: it holds as a whole, and is the one that was asked for.
   * @param sealedDigest - what its envelope says of it, 32 bytes; null of a bare one.
   * @throws BackupError if it is not.
   */
  finish(sealedDigest: Uint8Array | null = null): ContainerSummary {
    return this.#guarded(() => {
      const expected = this.#options.expected?.containerDigest;
      if (this.#summary !== null) {
        const { containerDigest } = this.#summary;
        if (sealedDigest !== null && !equalBytes(sealedDigest, containerDigest)) {
          throw new BackupError({ code: "container_digest_mismatch" });
        }
        if (expected !== undefined) verifyDigest(expected, containerDigest);
        return this.#summary;
      }
      this.#body?.frames.settle();
      if (this.#body === null && this.#heldBytes < PROLOGUE_BYTES) {
        decodePrologue(this.#held.subarray(0, this.#heldBytes));
      }
      throw new BackupError({
        code: "truncated",
        part: "container",
        expectedBytes: this.containerBytes,
        gotBytes: this.#receivedBytes,
      });
    });
  }

  /** Wipes everything held. Harmless when repeated. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#body?.[Symbol.dispose]();
  }

  #guarded<T>(f: () => T): T {
    if (this.#isOver) throw new TypeError("ContainerReader used after its end");
    let holds = false;
    try {
      const result = f();
      holds = true;
      return result;
    } finally {
      if (!holds) this[Symbol.dispose]();
    }
  }

  /** Takes some of `piece`, at least a byte, into the part that is being read. */
  #take(piece: Uint8Array): number {
    const body = this.#body;
    if (this.#summary !== null) {
      const expectedBytes = this.#receivedBytes;
      throw new BackupError({ code: "trailing_data", part: "container", expectedBytes });
    }
    if (body !== null && !body.frames.isDone) return this.#takeFrames(body, piece);
    const taken = piece.subarray(0, this.#wantedBytes - this.#heldBytes);
    this.#held.set(taken, this.#heldBytes);
    this.#heldBytes += taken.length;
    if (this.#heldBytes < this.#wantedBytes) return taken.length;
    const held = this.#held.subarray(0, this.#heldBytes);
    if (body !== null) this.#takeTrailer(body, held);
    else if (this.#heldBytes === PROLOGUE_BYTES) {
      this.#wantedBytes += decodePrologue(held) + MAC_BYTES;
    } else this.#takeHeader(held);
    return taken.length;
  }

  /** @param front - prologue, header and header MAC, complete. */
  #takeHeader(front: Uint8Array): void {
    const bytes = front.subarray(0, front.length - MAC_BYTES);
    const { header, keys } = openHeader(this.#core, this.#ring, this.#keyBlock, front);
    using held = keys;
    verifyExpected(header, this.#options.expected ?? {});
    this.#step("key_block", 1, 1);
    this.#step("header", 1, 1);
    const plan = planFrames(header.chunkBytes, header.payloadBytes);
    const containerBytes = containerLength(bytes.length - PROLOGUE_BYTES, plan);
    const given = this.#options.containerBytes ?? containerBytes;
    verifyLength(containerBytes, given, "container");
    const payload = new PayloadReader(this.#core, this.#sink, this.#options.onEntry ?? null);
    const frames = new FrameReader(this.#core, held.ebk, plan, payload);
    const trailer = this.#core.hmacSha256Stream(held.macKey).update(labelBytes(LABEL.trailerMac));
    const digest = this.#core.sha256Stream();
    digest.update(front);
    this.#body = {
      header,
      containerBytes,
      frames,
      payload,
      trailer,
      digest,
      [Symbol.dispose](): void {
        for (const part of [frames, payload, trailer, digest]) part[Symbol.dispose]();
      },
    };
    this.#heldBytes = 0;
    this.#wantedBytes = MAC_BYTES;
  }

  #takeFrames(body: Body, piece: Uint8Array): number {
    const { frames, header } = body;
    const before = frames.frameCount;
    const taken = frames.take(piece);
    const bytes = piece.subarray(0, taken);
    body.digest.update(bytes);
    if (frames.frameCount !== before) {
      const total = Math.ceil(header.payloadBytes / header.chunkBytes);
      this.#step("chunks", frames.frameCount, total);
    }
    if (frames.isDone) {
      this.#payload = body.payload.finish();
      this.#step("manifest", this.#payload.recordCount, this.#payload.recordCount);
    }
    return taken;
  }

  #takeTrailer(body: Body, mac: Uint8Array): void {
    const { header, containerBytes } = body;
    const payload = this.#payload;
    if (payload === null) throw new Error("unreachable: a trailer before the last frame");
    const expected = body.trailer.update(body.digest.peek()).digest();
    if (!this.#core.equal(expected, mac)) {
      throw new BackupError({ code: "trailer_damaged" });
    }
    const containerDigest = body.digest.update(mac).digest();
    this.#step("trailer", 1, 1);
    this.#summary = { header, containerBytes, containerDigest, ...payload };
  }

  #step(name: ReadStep["name"], done: number, total: number): void {
    this.#options.onStep?.({ name, done, total });
  }
}

/** Reads a whole container from `parts`. @throws BackupError if it does not hold. */
export function readContainer(
  core: Core,
  ring: Keyring,
  keyBlock: Uint8Array,
  parts: Iterable<Uint8Array>,
  sink: SnapshotSink,
  options: ReadOptions = {},
): ContainerSummary {
  using reader = new ContainerReader(core, ring, keyBlock, sink, options);
  for (const part of parts) reader.push(part);
  return reader.finish();
}

function verifyDigest(expected: Uint8Array, got: Uint8Array): void {
  if (equalBytes(expected, got)) return;
  throw new BackupError({
    code: "wrong_backup",
    field: "containerDigest",
    expected: encodeHex(expected),
    got: encodeHex(got),
  });
}
