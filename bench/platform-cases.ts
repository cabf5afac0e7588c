/**
 * What bench/platforms.ts has done in workerd and in a page: key wrap and a MAC by the core and by
 * WebCrypto.
 *
 * Runs there, without Node. WebCrypto wraps keys alone, so bytes travel as an HMAC key; the
 * platform's import and export of that key are left out, to its advantage. It has no KWP: it does
 * KW.
 */
import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";
import type { ThreadSpeeds } from "./turns.ts";

/** The core; WebCrypto with the same chunks; WebCrypto with the payload in one message. */
export const CONTENDERS = ["core", "chunks", "whole"] as const;
export type Contender = (typeof CONTENDERS)[number];

export interface PlatformCase {
  readonly name: string;
  readonly work: "wrap" | "unwrap" | "mac";
  readonly count: number;
  /** Of one chunk; of the message. */
  readonly bytes: number;
}

export const PLATFORM_CASES: readonly PlatformCase[] = [
  ...[
    [32, 2048],
    [64, 16 * 1024],
    [8, 512],
    [4, 1024],
  ].flatMap(([count = 0, bytes = 0]): PlatformCase[] => {
    const name = `KWP, ${count} chunks of ${bytes} B`;
    return [
      { name: `${name}, wrap`, work: "wrap", count, bytes },
      { name: `${name}, unwrap`, work: "unwrap", count, bytes },
    ];
  }),
  ...[32, 4096].flatMap((bytes): PlatformCase[] => [
    { name: `KW, one message of ${bytes} B, wrap`, work: "wrap", count: 1, bytes },
    { name: `KW, one message of ${bytes} B, unwrap`, work: "unwrap", count: 1, bytes },
  ]),
  { name: "HMAC-SHA-256 of 60 B", work: "mac", count: 1, bytes: 60 },
];

/** Which work, by whom, how often. */
export interface PlatformOrder {
  readonly caseIndex: number;
  readonly contender: Contender;
  readonly runs: number;
}

/** Somewhere that this file runs, seen from outside. */
export interface Platform {
  readonly name: string;
  /** Of the process that does the work; null where unknown. */
  readonly pid: number | null;
  run(order: PlatformOrder): Promise<void>;
  /** One thread against two; null where there are none. */
  readonly threads: (() => Promise<ThreadSpeeds>) | null;
  stop(): Promise<void>;
}

type Bytes = Uint8Array<ArrayBuffer>;
type Run = () => unknown;

const KEY: Bytes = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 3);
const HMAC = { name: "HMAC", hash: "SHA-256" } as const;

/** The cases over one core, whose instance lives as long as this. */
export class PlatformBench {
  readonly #core: Core;
  readonly #kek: ReturnType<Core["kek"]>;
  readonly #macKey = SecretKey.copyOf(KEY);
  readonly #prepared = new Map<string, Promise<Run>>();

  constructor(module: WebAssembly.Module) {
    this.#core = new Core(module);
    this.#kek = this.#core.kek(SecretKey.copyOf(KEY));
  }

  /** Does the work so many times; the first order of each checks that both sides agree. */
  async run({ caseIndex, contender, runs }: PlatformOrder): Promise<void> {
    const name = `${caseIndex} ${contender}`;
    const one = PLATFORM_CASES[caseIndex];
    if (one === undefined) throw new Error(`no case ${caseIndex}`);
    let prepared = this.#prepared.get(name);
    prepared ??= contender === "core" ? this.#byCore(one) : this.#byPlatform(one, contender);
    this.#prepared.set(name, prepared);
    const work = await prepared;
    if (contender === "core") for (let i = 0; i < runs; i++) work();
    else for (let i = 0; i < runs; i++) await work();
  }

  async #byCore({ work, count, bytes }: PlatformCase): Promise<Run> {
    const kek = this.#kek;
    const plain = payload(count * bytes);
    if (work === "mac") return () => this.#core.hmacSha256(this.#macKey, plain);
    if (count === 1) {
      const wrapped = kek.kwWrap(plain);
      return work === "wrap" ? () => kek.kwWrap(plain) : () => kek.kwUnwrap(wrapped);
    }
    const wrapped = kek.kwpWrapChunks(plain, bytes);
    return work === "wrap"
      ? () => kek.kwpWrapChunks(plain, bytes)
      : () => kek.kwpUnwrapChunks(wrapped, bytes + 8);
  }

  async #byPlatform(one: PlatformCase, contender: Contender): Promise<Run> {
    const { subtle } = crypto;
    const plain = payload(one.count * one.bytes);
    if (one.work === "mac") {
      const key = await subtle.importKey("raw", KEY, HMAC, false, ["sign"]);
      verifySame(new Uint8Array(await subtle.sign("HMAC", key, plain)), this.#mac(plain));
      return () => subtle.sign("HMAC", key, plain);
    }
    const kek = await subtle.importKey("raw", KEY, "AES-KW", false, ["wrapKey", "unwrapKey"]);
    const chunkBytes = contender === "chunks" ? one.bytes : plain.length;
    const chunks: Bytes[] = [];
    for (let at = 0; at < plain.length; at += chunkBytes) {
      chunks.push(plain.subarray(at, at + chunkBytes));
    }
    const importChunk = (chunk: Bytes) => subtle.importKey("raw", chunk, HMAC, true, ["sign"]);
    const carriers = await Promise.all(chunks.map(importChunk));
    const wrap = (carrier: CryptoKey) => subtle.wrapKey("raw", carrier, kek, "AES-KW");
    const wrapped = await Promise.all(carriers.map(wrap));
    for (const [i, bytes] of wrapped.entries()) {
      verifySame(new Uint8Array(bytes), this.#kek.kwWrap(chunks[i] ?? plain));
    }
    const unwrap = (bytes: ArrayBuffer) =>
      subtle.unwrapKey("raw", bytes, kek, "AES-KW", HMAC, true, ["sign"]);
    // All at once: a platform that has threads for it may use them.
    return one.work === "wrap"
      ? () => Promise.all(carriers.map(wrap))
      : () => Promise.all(wrapped.map(unwrap));
  }

  #mac(message: Uint8Array): Uint8Array {
    return this.#core.hmacSha256(this.#macKey, message);
  }
}

function payload(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (i * 31) >> 3);
}

function verifySame(got: Uint8Array, expected: Uint8Array): void {
  const isSame = got.length === expected.length && got.every((byte, i) => byte === expected[i]);
  if (!isSame) throw new Error("the platform gives other bytes");
}
