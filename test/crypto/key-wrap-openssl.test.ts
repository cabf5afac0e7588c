/**
 * The core's key wrap against OpenSSL's: every length to 1 KiB, paddings of all lengths to 4 KiB, and
 * lengths at which the counter grows. `npm run fuzz` begins with every length to 4 KiB.
 */
import { describe, expect, it } from "vitest";
import { loadCore } from "../lib/core.ts";
import { coreEngine, opensslEngine } from "./engines.ts";
import { sample } from "./sample.ts";

const core = coreEngine(await loadCore());

describe("against OpenSSL", () => {
  it("wraps and unwraps every length to 1,024 bytes alike, and every seventh to 4,096", () => {
    const kek = sample("kek", 32);
    const data = sample("data", 4096);
    // Seven and the eight bytes of a semiblock have no common divisor: each padding has its turn.
    for (let length = 1; length <= 4096; length += length < 1024 ? 1 : 7) {
      const plain = data.subarray(0, length);
      const wrapped = core.kwpWrap(kek, plain);
      expect(Buffer.compare(wrapped, opensslEngine.kwpWrap(kek, plain))).toBe(0);
      expect(Buffer.compare(core.kwpUnwrap(kek, wrapped)!, plain)).toBe(0);
    }
  });

  it.each([
    87_384, // 6 · 10,923 = 65,538 steps: t needs a third byte
    100_001,
    1024 * 1024 - 1,
    1024 * 1024,
  ])("agrees on %i bytes", (length) => {
    const kek = sample("kek", 24);
    const plain = sample("long", length);
    const wrapped = core.kwpWrap(kek, plain);
    expect(Buffer.compare(wrapped, opensslEngine.kwpWrap(kek, plain))).toBe(0);
    expect(Buffer.compare(core.kwpUnwrap(kek, wrapped)!, plain)).toBe(0);
    const even = plain.subarray(0, length & ~7);
    const kw = core.kwWrap(kek, even);
    expect(Buffer.compare(kw, opensslEngine.kwWrap(kek, even))).toBe(0);
    expect(Buffer.compare(core.kwUnwrap(kek, kw)!, even)).toBe(0);
  });
});
