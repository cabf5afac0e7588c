/**
 * That the trace of constant-time.test.ts sees what it is there for: faults of timing, put into the sources.
 */
import { describe, expect, it } from "vitest";
import { coreBytes } from "../../scripts/core/module.ts";
import { secret, setKey } from "./trace/cases.ts";
import { PLANTS, plantedCore } from "./trace/plants.ts";
import { Tracer } from "./trace/tracer.ts";

const SEEDS = Array.from({ length: 64 }, (_, i) => i);
const core = await coreBytes();

describe("the trace sees what is planted in the sources", () => {
  /** An unwrap whose outcome the seed decides, and a comparison that ends where the seed says. */
  const runs: ((tracer: Tracer, seed: number) => void)[] = [
    (tracer, seed) => {
      setKey(tracer, seed, 32);
      tracer.put("DATA", secret(seed, "data", 24), 8);
      const wrappedBytes = tracer.call("kwpWrap", 0, 24);
      const [first = 0] = tracer.take("DATA", 1);
      tracer.put("DATA", Uint8Array.of(first ^ (seed & 1)));
      tracer.call("kwpUnwrap", 0, wrappedBytes);
    },
    (tracer, seed) => {
      const data = secret(seed, "data", 16);
      tracer.put("DATA", data);
      tracer.put(
        "DATA",
        data.map((x, i) => (i === seed ? x ^ 1 : x)),
        16,
      );
      tracer.call("equalBytes", 16);
    },
  ];

  function differencesUntilVerdict(tracer: Tracer): string[] {
    return runs.flatMap((run) => {
      const cut = (seed: number) => tracer.beforeVerdict(tracer.trace(() => run(tracer, seed)))!;
      const first = cut(0);
      return SEEDS.map((seed) => tracer.difference(first, cut(seed))).filter((x) => x !== null);
    });
  }

  it("and nothing in the module as it is", () => {
    expect(differencesUntilVerdict(new Tracer(core))).toEqual([]);
  });

  it.each(PLANTS.map((plant) => [plant.name, plant] as const))(
    "%s",
    async (_, plant) => {
      const found = differencesUntilVerdict(new Tracer(await plantedCore(plant)));
      expect(found.length).toBeGreaterThan(0);
      expect(found.join()).toContain(plant.kind);
    },
    120_000,
  );
});
