/**
 * Vectors that open: what a backup may be, at both ends of each limit, and keys of every age.
 */
import type { Keyring, KeyVersion } from "../../../src/backup/format/keys.ts";
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { record, recordOfLength, testRing } from "../fixtures.ts";
import { type Forged, type Forgery, join } from "./forge.ts";
import { type Maker, opens, type VectorTable } from "./maker.ts";

/** Each as a bare file and sealed. */
export async function soundVectors(make: Maker): Promise<VectorTable> {
  const table: Record<string, VectorTable[string]> = {};
  for (const [name, forgery] of Object.entries(FORGERIES)) {
    const forged = make.forged(forgery);
    const { file } = await make.seal({ seed: name }, forged);
    table[name] = opens(forged, bareOf(forged));
    table[`${name}_sealed`] = opens(forged, file);
  }
  const retired = make.forged();
  const { file } = await make.seal({ cmk: "local/golden-1" }, retired);
  return { ...table, cmk_retired: opens(retired, file) };
}

function bareOf({ keyBlock, container }: Forged): Uint8Array {
  return join(keyBlock, container);
}

/** The test's ring, whose older version of one key makes the backup. */
function madeUnder(which: "mkbk" | "akbk"): Keyring {
  const ring = testRing();
  const active = (entry: KeyVersion): KeyVersion => ({ ...entry, state: "active" });
  return { ...ring, [which]: ring[which].filter(({ version }) => version === 1).map(active) };
}

/** Records whose payload fills its frames to `spare` bytes. */
function fitting(chunkBytes: number, spare: number): readonly SnapshotRecord[] {
  // Prefix 13 and manifest entry 41 of one record, end mark 4, footer 60.
  return [recordOfLength(5, 1, 3 * chunkBytes - spare - 118)];
}

/** An attribute nested as deep as it may be: eight levels below the map of attributes. */
const DEEP = Uint8Array.of(0x82, 0xa1, 1, ...Array(7).fill(0x81), 0x80, 0x40);

const FORGERIES: Readonly<Record<string, Partial<Forgery>>> = {
  no_records: { records: [] },
  smallest_record: { records: [{ type: 5, id: 1, bytes: Uint8Array.of(0x82, 0xa0, 0x40) }] },
  largest_record: { records: [recordOfLength(5, 1, 65_536)], chunkBytes: 16_384 },
  every_type: {
    records: ([1, 2, 3, 4, 5] as const).map((type) => record(type, type < 3 ? 0 : 1, `t${type}`)),
  },
  number_largest: { records: [record(5, Number.MAX_SAFE_INTEGER, "last")] },
  deep_attributes: { records: [{ type: 5, id: 1, bytes: DEEP }] },
  chunk_smallest: { chunkBytes: 512 },
  chunk_of_528: { chunkBytes: 528 },
  chunk_largest: { chunkBytes: 16_384 },
  last_frame_full: { records: fitting(512, 0) },
  last_frame_of_one: { records: fitting(512, 511) },
  thirty_three_frames: { records: [recordOfLength(5, 1, 33 * 512 - 118)] },
  second_of_chain: { origin: { chainNumber: 2, previousDigest: new Uint8Array(32).fill(7) } },
  chain_number_largest: { origin: { chainNumber: Number.MAX_SAFE_INTEGER } },
  created_at_zero: { origin: { createdAtMs: 0 } },
  mode_fips: { origin: { mode: "FIPS" } },
  texts_longest: { origin: { backupId: "b".repeat(128), region: "ü".repeat(64) } },
  outside_deployments: { origin: { region: "none" } },
  mkbk_retired: { ring: madeUnder("mkbk") },
  akbk_retired: { ring: madeUnder("akbk") },
};
