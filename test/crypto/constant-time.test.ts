import { describe, expect, it } from "vitest";
import { coreBytes } from "../../scripts/core/module.ts";
import { encryptBlock } from "../reference/aes.ts";
import { fromHex, sample } from "./sample.ts";
import { CASES, laneStride } from "./trace/cases.ts";
import { Tracer } from "./trace/tracer.ts";

const SEEDS = Array.from({ length: 64 }, (_, i) => i);
const core = await coreBytes();

/** Every difference of a case's traces from its first, over all seeds. */
function differences(tracer: Tracer, run: (tracer: Tracer, seed: number) => void): string[] {
  const first = tracer.trace(() => run(tracer, 0));
  expect(first.length).toBeGreaterThan(0);
  return SEEDS.slice(1).flatMap((seed) => {
    const found = tracer.difference(
      first,
      tracer.trace(() => run(tracer, seed)),
    );
    return found === null ? [] : [`seed ${seed}: ${found}`];
  });
}

describe("addresses and conditions of the optimised module do not depend on secrets", () => {
  const tracer = new Tracer(core);

  it.each(CASES.map((one) => [one.name, one] as const))("%s", (_, { run }) => {
    expect(differences(tracer, run)).toEqual([]);
  });

  it("in any export: each is part of a case", () => {
    const traced = new Set(CASES.flatMap((one) => one.exports));
    expect(tracer.functions.filter((name) => !traced.has(name))).toEqual([]);
  });
});

describe("up to the declassification, outcomes cannot be told apart", () => {
  const tracer = new Tracer(core);
  const kek = sample("kek", 32);

  function tracesUntilVerdict(runs: (() => void)[]): (string | null)[] {
    const traces = runs.map((run) => {
      tracer.put("KEY", kek);
      tracer.call("aesSetKey", 0, 32);
      const cut = tracer.beforeVerdict(tracer.trace(run));
      expect(cut).not.toBeNull();
      return cut!;
    });
    return traces.map((trace) => tracer.difference(traces[0]!, trace)).filter((x) => x !== null);
  }

  it("of KWP over one semiblock, whatever is wrong with it", () => {
    const inner = [
      "a65959a600000008 aaaaaaaaaaaaaaaa", // nothing
      "a65959a600000001 aa00000000000000", // nothing, another length
      "a65959a700000008 aaaaaaaaaaaaaaaa",
      "a65959a600000000 0000000000000000",
      "a65959a6ffffffff aaaaaaaaaaaaaaaa",
      "a65959a600000001 aa00000000000001",
      "0000000000000000 0000000000000000",
    ];
    const runs = inner.map((hex) => () => {
      tracer.put("DATA", encryptBlock(kek, fromHex(hex)));
      tracer.call("kwpUnwrap", 0, 16);
    });
    expect(tracesUntilVerdict(runs)).toEqual([]);
  });

  it.each([
    ["kwWrap", "kwUnwrap", 48],
    ["kwpWrap", "kwpUnwrap", 45],
  ] as const)("of %s and %s, good and with any byte changed", (wrap, unwrap, length) => {
    tracer.put("KEY", kek);
    tracer.call("aesSetKey", 0, 32);
    tracer.put("DATA", sample("plain", length), 8);
    const good = tracer.take("DATA", tracer.call(wrap, 0, length));
    const runs = [good.length, ...good.keys()].map((changed) => () => {
      tracer.put(
        "DATA",
        good.map((x, i) => (i === changed ? x ^ 0x40 : x)),
      );
      tracer.call(unwrap, 0, good.length);
    });
    expect(tracesUntilVerdict(runs)).toEqual([]);
  });

  it("of lanes, whichever of them is bad", () => {
    const [count, length] = [11, 21];
    const stride = laneStride(length);
    tracer.put("KEY", kek);
    tracer.call("aesSetKey", 0, 32);
    for (let i = 0; i < count; i++) tracer.put("DATA", sample(i, length), i * stride + 8);
    const wrapped = tracer.call("kwpWrapLanes", 0, count, length);
    const good = tracer.take("DATA", count * stride);
    const runs = Array.from({ length: count + 1 }, (_, bad) => () => {
      tracer.put(
        "DATA",
        good.map((x, i) => (i === bad * stride + 5 ? x ^ 1 : x)),
      );
      const status = tracer.call("kwpUnwrapLanes", 0, count, wrapped, length);
      expect(status).toBe(bad === count ? length : -3 - bad);
    });
    expect(tracesUntilVerdict(runs)).toEqual([]);
  });

  it("of a comparison, wherever the bytes differ", () => {
    const a = sample("a", 40);
    const runs = Array.from({ length: 41 }, (_, changed) => () => {
      tracer.put("DATA", a);
      tracer.put(
        "DATA",
        a.map((x, i) => (i === changed ? x ^ 1 : x)),
        40,
      );
      tracer.call("equalBytes", 40);
    });
    expect(tracesUntilVerdict(runs)).toEqual([]);
  });
});
