import { describe, expect, it } from "vitest";
import { Core } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { coreModule } from "../lib/core.ts";
import { sample } from "./sample.ts";

/**
 * A core whose linear memory the test can see. The instance's exports are caught on their way: the
 * class under test has no such door.
 */
function openCore(): { core: Core; memory: Uint8Array } {
  let memory = new Uint8Array(0);
  const { Instance } = WebAssembly;
  WebAssembly.Instance = class extends Instance {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      memory = new Uint8Array((this.exports["memory"] as WebAssembly.Memory).buffer);
    }
  };
  try {
    return { core: new Core(coreModule()), memory };
  } finally {
    WebAssembly.Instance = Instance;
  }
}

const PATTERN = 0xa5;

/** An instance never used, and its memory. */
const unused = new WebAssembly.Instance(coreModule(), {}).exports;
const FRESH = new Uint8Array((unused["memory"] as WebAssembly.Memory).buffer);

/** From where to where secrets may lie: assembly/memory.ts, `SECRETS`. */
const [START = 0, END = 0] = ["DATA", "SECRETS_END"].map(
  (name) => (unused[name] as WebAssembly.Global).value as number,
);

/** Addresses that are not as in an instance never used: constants are, all else has to be zero. */
function residue(memory: Uint8Array): number[] {
  const found: number[] = [];
  // Three megabytes are looked at for each operation: byte by byte only if they differ.
  if (Buffer.compare(memory, FRESH) === 0) return found;
  for (let i = 0; i < memory.length && found.length < 10; i++) {
    if (memory[i] !== FRESH[i]) found.push(i);
  }
  return found;
}

const key = (length = 32): SecretKey => new SecretKey(sample("a key", length).map((x) => x | 1));
const message = sample("a message", 1000);

/** Every operation, those that fail included; each is to leave nothing behind. */
const operations: [string, (core: Core) => void][] = [
  ["the self-test", (core) => core.selfTest()],
  ["kek", (core) => core.kek(key())[Symbol.dispose]()],
  ["kwWrap", (core) => withKek(core, (kek) => kek.kwWrap(message))],
  ["kwUnwrap", (core) => withKek(core, (kek) => kek.kwUnwrap(kek.kwWrap(message)))],
  ["kwUnwrap, refused", (core) => withKek(core, (kek) => kek.kwUnwrap(message))],
  ["kwpWrap", (core) => withKek(core, (kek) => kek.kwpWrap(message.subarray(0, 777)))],
  ["kwpWrap, one block", (core) => withKek(core, (kek) => kek.kwpWrap(message.subarray(0, 5)))],
  ["kwpUnwrap", (core) => withKek(core, (kek) => kek.kwpUnwrap(kek.kwpWrap(message)))],
  ["kwpUnwrap, refused", (core) => withKek(core, (kek) => kek.kwpUnwrap(message))],
  ["kwpUnwrap, bad length", (core) => withKek(core, (kek) => kek.kwpUnwrap(message.subarray(1)))],
  ...[1, 2, 3, 4, 5, 7, 8, 9, 16, 33].flatMap((count): [string, (core: Core) => void][] => [
    [`kwpWrapChunks of ${count}`, (core) => wrapChunks(core, count)],
    [`kwpUnwrapChunks of ${count}`, (core) => unwrapChunks(core, count, -1)],
    [`kwpUnwrapChunks of ${count}, last refused`, (core) => unwrapChunks(core, count, count - 1)],
  ]),
  ["wrapMany", (core) => withKek(core, (kek) => kek.wrapMany(lists()))],
  ["unwrapMany", (core) => withKek(core, (kek) => kek.unwrapMany(kek.wrapMany(lists())))],
  ["unwrapMany, refused", (core) => withKek(core, (kek) => kek.unwrapMany(lists()))],
  ["sha256", (core) => core.sha256(message)],
  ["hash", (core) => core.hash("SHA-512", message)],
  ["sha256Stream, given up", (core) => core.sha256Stream().update(message)[Symbol.dispose]()],
  ["hmacSha256", (core) => core.hmacSha256(key(), message)],
  ["hmac, long key", (core) => core.hmac("SHA-384", key(300), message)],
  ["hmacVerify", (core) => core.hmacVerify("SHA-256", key(), message.subarray(0, 32), message)],
  ["cmac", (core) => core.cmac(key(16), message)],
  ["cmacVerify", (core) => core.cmacVerify(key(24), message, message.subarray(0, 16))],
  ["kdfCounter", (core) => core.kdfCounter(key(), "label", message, 100)],
  ["kdfCounterFixed, CMAC", (core) => deriveWithCmac(core)],
  ["kdfHmacSha256", (core) => core.kdfHmacSha256(key(), key())],
  ["equal", (core) => core.equal(message, message.slice())],
  ["equal, not", (core) => core.equal(message, message.toReversed())],
  ["wipe", (core) => [core.kek(key()), core.hmacSha256Stream(key()), core.wipe()]],
  ["close", (core) => [core.kek(key()), core.hmacSha256Stream(key()), core.close()]],
];

const lists = (): Uint8Array[] =>
  Array.from({ length: 20 }, (_, i) => message.slice(0, 16 + 8 * (i % 3)));

type KekOf = ReturnType<Core["kek"]>;
function withKek(core: Core, use: (kek: KekOf) => unknown): void {
  using kek = core.kek(key());
  use(kek);
}

function wrapChunks(core: Core, count: number): void {
  withKek(core, (kek) => kek.kwpWrapChunks(sample("chunks", count * 75), 75));
}

function unwrapChunks(core: Core, count: number, bad: number): void {
  withKek(core, (kek) => {
    const wrapped = kek.kwpWrapChunks(sample("chunks", count * 75), 75);
    const one = wrapped.length / count;
    if (bad >= 0) wrapped[bad * one]! ^= 1;
    kek.kwpUnwrapChunks(wrapped, one);
  });
}

function deriveWithCmac(core: Core): void {
  const before = message.subarray(0, 40);
  core.kdfCounterFixed(key(), {
    prf: "AES-CMAC",
    counterBits: 16,
    before,
    after: before,
    lengthBytes: 99,
  });
}

describe("linear memory holds no secret", () => {
  it.each(operations)("after %s", (_, operate) => {
    const { core, memory } = openCore();
    operate(core);
    expect(residue(memory)).toEqual([]);
  });

  it.each(operations)("after %s, in memory that was full before", (_, operate) => {
    const { core, memory } = openCore();
    const before = memory.slice();
    memory.fill(PATTERN, START, END);
    operate(core);
    // A loop, not findIndex: three megabytes are looked at for each operation.
    let found = -1;
    for (let at = START; at < END && found < 0; at++) {
      if (memory[at] !== 0 && memory[at] !== PATTERN) found = at;
    }
    expect(found).toBe(-1);
    expect(Buffer.compare(memory.subarray(0, START), before.subarray(0, START))).toBe(0);
    expect(Buffer.compare(memory.subarray(END), before.subarray(END))).toBe(0);
  });

  it("and keeps, while a handle lives, nothing outside its slot", () => {
    const { core, memory } = openCore();
    using kek = core.kek(key());
    const before = memory.slice();
    kek.kwpUnwrap(kek.kwpWrap(message));
    kek.kwpUnwrapChunks(kek.kwpWrapChunks(message, 20), 32);
    expect(Buffer.compare(memory, before)).toBe(0);
  });

  it("and the scan sees a secret that stays", () => {
    const { core, memory } = openCore();
    core.kek(key());
    expect(residue(memory)).not.toEqual([]);
  });

  it("after wipe, whatever was in the regions", () => {
    const { exports } = new WebAssembly.Instance(coreModule(), {});
    const memory = new Uint8Array((exports["memory"] as WebAssembly.Memory).buffer);
    const fresh = memory.slice();
    memory.fill(PATTERN, START, END);
    (exports["wipe"] as () => void)();
    expect(Buffer.compare(memory, fresh)).toBe(0);
  });
});
