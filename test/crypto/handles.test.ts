import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { coreBytes } from "../../scripts/core/module.ts";
import { GENERATED } from "../../scripts/generate/assembly.ts";
import { Core } from "../../src/crypto/core.ts";
import {
  AES_SLOTS,
  HASH_SLOTS,
  KDF_MAX_BYTES,
  KEY_BYTES,
  MAX_WRAP_BYTES,
} from "../../src/crypto/memory.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import { coreModule, loadCore } from "../lib/core.ts";
import { sample } from "./sample.ts";

describe("a kek", () => {
  it("is over after disposal, and its slot comes back", async () => {
    using core = await loadCore();
    using key = new SecretKey(sample("key", 32));
    const keks = Array.from({ length: 64 }, () => core.kek(key));
    expect(() => core.kek(key)).toThrow(/no free key slot/);
    keks[3]![Symbol.dispose]();
    keks[3]![Symbol.dispose]();
    expect(() => keks[3]!.kwpWrap(new Uint8Array(1))).toThrow(TypeError);
    using again = core.kek(key);
    expect(again.kwpWrap(sample("x", 5))).toEqual(keks[4]!.kwpWrap(sample("x", 5)));
  });

  it("keeps to its own key", async () => {
    using core = await loadCore();
    using one = core.kek(new SecretKey(sample("one", 32)));
    using two = core.kek(new SecretKey(sample("two", 16)));
    const wrapped = one.kwpWrap(sample("x", 40));
    expect(two.kwpUnwrap(wrapped)).toBeNull();
    expect(one.kwpUnwrap(wrapped)).toEqual(sample("x", 40));
  });

  it("and a stream are over after wipe, and void to dispose", async () => {
    using core = await loadCore();
    const kek = core.kek(new SecretKey(sample("key", 32)));
    const stream = core.sha256Stream();
    core.wipe();
    expect(() => kek.kwpWrap(new Uint8Array(1))).toThrow(TypeError);
    expect(() => stream.update(new Uint8Array(1))).toThrow(TypeError);
    kek[Symbol.dispose]();
    stream[Symbol.dispose]();
  });
});

describe("a core", () => {
  it("does nothing after close", async () => {
    const core = await loadCore();
    const kek = core.kek(new SecretKey(sample("key", 32)));
    core.close();
    core.close();
    expect(() => core.sha256()).toThrow(TypeError);
    expect(() => kek.kwpWrap(new Uint8Array(1))).toThrow(TypeError);
  });

  it("takes at most 24 KB by brotli", async () => {
    expect(brotliCompressSync(await coreBytes()).length).toBeLessThanOrEqual(24 * 1024);
  });

  it("imports nothing and has a memory that cannot grow", () => {
    expect(WebAssembly.Module.imports(coreModule())).toEqual([]);
    const { exports } = new WebAssembly.Instance(coreModule(), {});
    const memory = exports["memory"] as WebAssembly.Memory;
    expect(memory.buffer.byteLength).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(() => memory.grow(1)).toThrow(RangeError);
  });

  it("has the limits that src/crypto states", () => {
    const { exports } = new WebAssembly.Instance(coreModule(), {});
    const stated = { AES_SLOTS, HASH_SLOTS, KDF_MAX_BYTES, KEY_BYTES, MAX_WRAP_BYTES };
    for (const [name, value] of Object.entries(stated)) {
      expect((exports[name] as WebAssembly.Global).value).toBe(value);
    }
  });

  it("tests itself on demand beside live handles", async () => {
    using own = await loadCore();
    using kek = own.kek(new SecretKey(sample("key", 32)));
    const stream = own.sha256Stream().update(sample("data", 100));
    const wrapped = kek.kwpWrap(sample("x", 40));
    own.selfTest();
    expect(kek.kwpUnwrap(wrapped)).toEqual(sample("x", 40));
    expect(stream.digest()).toEqual(own.sha256(sample("data", 100)));
  });

  it("tests itself in under 2 ms once the module is warm", () => {
    for (let i = 0; i < 20; i++) new Core(coreModule()).close();
    const core = new Core(coreModule());
    const times = Array.from({ length: 9 }, () => {
      const start = performance.now();
      core.selfTest();
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(2);
  });

  it("does not exist if a table entry of the build is wrong", () => {
    const bytes = new Uint8Array(readFileSync(new URL("../../build/core.wasm", import.meta.url)));
    // The first table of assembly/aes-tables.ts: 1/n over GF(2^4).
    const at = Buffer.from(bytes).indexOf(Buffer.from("80010c08060f040e030d0b0a02090705", "hex"));
    expect(at).toBeGreaterThan(0);
    bytes[at + 5]! ^= 1;
    const broken = new WebAssembly.Module(bytes);
    expect(() => new Core(broken)).toThrow(/self-test failed: AES-128 forward/);
  });
});

describe("generated sources", () => {
  it.each(Object.entries(GENERATED))(
    "%s is what its generator derives from the standard",
    (name, generate) => {
      const path = new URL(`../../assembly/${name}`, import.meta.url);
      expect(readFileSync(path, "utf8")).toBe(generate());
    },
  );
});

describe("SecretKey", () => {
  it("zeroes the bytes on disposal and prints none of them", () => {
    const bytes = sample("secret", 32);
    const key = new SecretKey(bytes);
    expect(`${key} ${JSON.stringify({ key })}`).not.toMatch(/[0-9a-f]{8}/);
    key[Symbol.dispose]();
    expect(bytes.every((x) => x === 0)).toBe(true);
    expect(() => key.use(() => 0)).toThrow(TypeError);
    expect(() => new SecretKey(new Uint8Array(0))).toThrow(RangeError);
  });
});
