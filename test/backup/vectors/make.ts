/**
 * All files of test/vectors, made from fixed seeds: the same bytes every time.
 *
 * To add a vector, add a row to the table of an area; to add an area, a member to `AREAS`.
 * scripts/generate/vectors.ts writes them.
 */
import { createHash } from "node:crypto";
import type { Core } from "../../../src/crypto/core.ts";
import { bodyVectors, chunkVectors, headerVectors, keyBlockVectors } from "./area-container.ts";
import { envelopeVectors, fileVectors } from "./area-file.ts";
import { goldenVectors } from "./area-golden.ts";
import { expectationVectors, openerVectors, ringVectors } from "./area-keys.ts";
import { manifestVectors, recordVectors } from "./area-payload.ts";
import { soundVectors } from "./area-sound.ts";
import {
  INDEX_FILE,
  indexSchema,
  SCHEMA_FILE,
  type VectorEntry,
  type VectorIndex,
} from "./index-schema.ts";
import { keySetFiles } from "./key-sets.ts";
import { Maker, type VectorTable } from "./maker.ts";
import { rulesOf } from "./rules.ts";

/** By folder, in the order of reading. */
const AREAS: Readonly<Record<string, (make: Maker) => Promise<VectorTable>>> = {
  golden: goldenVectors,
  sound: soundVectors,
  file: fileVectors,
  envelope: envelopeVectors,
  opener: openerVectors,
  body: bodyVectors,
  key_block: keyBlockVectors,
  ring: ringVectors,
  header: headerVectors,
  expectation: expectationVectors,
  chunk: chunkVectors,
  record: recordVectors,
  manifest: manifestVectors,
};

/** Every file by its path, index and schema too. The keys must lie in their folder already. */
export async function makeVectors(core: Core): Promise<Map<string, Uint8Array>> {
  const make = new Maker(core);
  const files = new Map<string, Uint8Array>();
  const vectors: VectorEntry[] = [];
  for (const [area, vectorsOf] of Object.entries(AREAS)) {
    for (const [name, { bytes, keys, ...rest }] of Object.entries(await vectorsOf(make))) {
      const file = `${area}/${name}.hbk`;
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      files.set(file, bytes);
      const { expectation, expect } = rest;
      const rules = rulesOf(`${area}/${name}`);
      for (const set of keys) {
        vectors.push({ file, sha256, rules, keys: set, expectation, expect });
      }
    }
  }
  const { files: keyFiles, keys } = keySetFiles();
  const index: VectorIndex = { schema: "holdfast-vectors/1", keys, vectors };
  const texts = [
    ...keyFiles,
    [INDEX_FILE, `${JSON.stringify(index, null, 2)}\n`],
    [SCHEMA_FILE, indexSchema()],
  ] as const;
  for (const [file, text] of texts) files.set(file, Buffer.from(text));
  return files;
}
