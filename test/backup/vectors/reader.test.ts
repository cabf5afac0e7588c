/**
 * What our reader makes of each vector, and nothing else: which of its checks no vector minds, a mutation
 * run over this file shows (`npm run mutate -- --vectors`).
 */
import { describe, expect, it } from "vitest";
import { describeFault } from "../../../src/backup/format/errors.ts";
import { loadCore } from "../../lib/core.ts";
import { hex, vectorBytes } from "../fixtures.ts";
import type { VectorEntry } from "./index-schema.ts";
import { INDEX, readerWith, readVector } from "./readers.ts";

const core = await loadCore();
const cases = INDEX.vectors.map((entry) => ({ ...entry, title: `${entry.file} by ${entry.keys}` }));
const refusals = cases.filter(({ expect }) => expect.outcome === "refused");
const openings = cases.filter(({ expect }) => expect.outcome === "opens");

function read({ file, keys, expectation }: VectorEntry) {
  return readVector(core, readerWith(keys, expectation), vectorBytes(file));
}

describe("our reader", () => {
  it.each(openings)("opens $title", async (entry) => {
    const reading = await read(entry);
    if ("fault" in reading) throw new Error(describeFault(reading.fault));
    expect({
      outcome: "opens",
      stateDigest: hex(reading.opened.stateDigest),
      containerDigest: hex(reading.opened.containerDigest),
      records: reading.opened.recordCount,
    }).toEqual(entry.expect);
    expect(reading.staging.records).toHaveLength(reading.opened.recordCount);
    expect(reading.staging.committed).not.toBeNull();
  });

  it.each(refusals)("refuses $title as $expect.code", async (entry) => {
    const reading = await read(entry);
    if (!("fault" in reading)) throw new Error("the file was not refused");
    const { outcome: _, ...facts } = entry.expect;
    expect(reading.fault).toMatchObject(facts);
    expect(reading.staging.committed).toBeNull();
    expect(reading.staging.records).toEqual([]);
  });
});
