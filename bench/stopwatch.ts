/**
 * Where the time of an operation goes: a core and a WebCrypto that add up what is spent in them.
 */
import { Core, type HashName, type HashStream, type Kek } from "../src/crypto/core.ts";
import type { SecretKey } from "../src/crypto/secret-key.ts";
import type { ByteSource, PlatformKey, Subtle, SubtleAlgorithm } from "../src/crypto/web-crypto.ts";

/** Parts that do not overlap. What none of them takes is the rest. */
export const PARTS = ["key wrap", "hashing", "AES-GCM", "records"] as const;
export type Part = (typeof PARTS)[number];

/** Milliseconds by part. */
export class Stopwatch {
  readonly #ms: Record<Part, number> = { "key wrap": 0, hashing: 0, "AES-GCM": 0, records: 0 };

  get ms(): Readonly<Record<Part, number>> {
    return { ...this.#ms };
  }

  time<T>(part: Part, work: () => T): T {
    const startedAt = performance.now();
    try {
      return work();
    } finally {
      this.#ms[part] += performance.now() - startedAt;
    }
  }

  async timeAsync<T>(part: Part, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      this.#ms[part] += performance.now() - startedAt;
    }
  }

  /** The same items; the time it takes to get each of them counts. */
  *items<T>(part: Part, items: Iterable<T>): Generator<T> {
    const iterator = items[Symbol.iterator]();
    try {
      for (;;) {
        const next = this.time(part, () => iterator.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      iterator.return?.();
    }
  }
}

/** A core whose key wrap and hashing are on the watch. */
export class WatchedCore extends Core {
  readonly #watch: Stopwatch;

  constructor(module: WebAssembly.Module, watch: Stopwatch) {
    super(module);
    this.#watch = watch;
  }

  override kek(key: SecretKey): Kek {
    const kek = super.kek(key);
    const { kwWrap, kwUnwrap, kwpWrap, kwpUnwrap, kwpWrapChunks, kwpUnwrapChunks } = kek;
    const timed = <A extends unknown[], R>(work: (this: Kek, ...args: A) => R) => {
      return (...args: A): R => this.#watch.time("key wrap", () => work.apply(kek, args));
    };
    return Object.assign(kek, {
      kwWrap: timed(kwWrap),
      kwUnwrap: timed(kwUnwrap),
      kwpWrap: timed(kwpWrap),
      kwpUnwrap: timed(kwpUnwrap),
      kwpWrapChunks: timed(kwpWrapChunks),
      kwpUnwrapChunks: timed(kwpUnwrapChunks),
    });
  }

  override hash(hash: HashName, ...data: Uint8Array[]): Uint8Array {
    return this.#watch.time("hashing", () => super.hash(hash, ...data));
  }

  override hashStream(hash: HashName): HashStream {
    return this.#watched(super.hashStream(hash));
  }

  override hmacStream(hash: HashName, key: SecretKey): HashStream {
    return this.#watched(super.hmacStream(hash, key));
  }

  #watched(stream: HashStream): HashStream {
    const { update } = stream;
    const watch = this.#watch;
    return Object.assign(stream, {
      update(data: Uint8Array): HashStream {
        watch.time("hashing", () => update.call(stream, data));
        return stream;
      },
    });
  }
}

/** `subtle`, its encryption and decryption on the watch: the waiting counts. */
export function watchedSubtle(subtle: Subtle, watch: Stopwatch): Subtle {
  const bound = new Proxy(subtle, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return new Proxy(bound, {
    get: (target, name) => {
      if (name !== "encrypt" && name !== "decrypt") return Reflect.get(target, name);
      return (algorithm: SubtleAlgorithm, key: PlatformKey, data: ByteSource) =>
        watch.timeAsync("AES-GCM", () => target[name](algorithm, key, data));
    },
  });
}
