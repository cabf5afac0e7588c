/**
 * One file for each way of being wrong: what is wrong in it, who reads it, which code it gets.
 *
 * FORMAT.md §9.1 lists the same names;
 * scripts/generate/format-vectors.ts writes them to test/golden/faults/.
 */
import type { BackupFaultCode } from "../../../src/backup/format/errors.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { Maker, type Row } from "./maker.ts";
import type { ReaderName } from "./readers.ts";
import {
  bodyRows,
  chunkRows,
  headerRows,
  keyBlockRows,
  manifestRows,
  recordRows,
} from "./rows-content.ts";
import { endRows, envelopeRows, frontRows, keyRows } from "./rows-file.ts";

export interface FaultVector {
  readonly name: string;
  readonly code: BackupFaultCode;
  /** Of `key_mismatch`. */
  readonly which?: string;
  readonly reader: ReaderName;
  readonly bytes: Uint8Array;
}

export async function faultVectors(core: Core): Promise<FaultVector[]> {
  const make = new Maker(core);
  const rows: Row[] = [
    ...(await frontRows(make)),
    ...(await endRows(make)),
    ...(await envelopeRows(make)),
    ...(await keyRows(make)),
    ...keyBlockRows(make),
    ...headerRows(make),
    ...(await bodyRows(make)),
    ...chunkRows(make),
    ...recordRows(make),
    ...manifestRows(make),
  ];
  return rows.map(([name, code, bytes, reader = "owner", which]) => ({
    name,
    code,
    ...(which === undefined ? {} : { which }),
    reader,
    bytes,
  }));
}
