/**
 * Big-endian integers in the bytes of records, for what is done once per record or more often.
 */

/** The big-endian u32 at `at`, without a view: for what is read once per record. */
export function uint32At(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return ((high << 16) | low) >>> 0;
}

/**
 * Writes a record's id as u64, big-endian. A BigInt each for 65,536 of them costs more than the
 * rest.
 */
export function setRecordId(view: DataView, offset: number, id: number): void {
  view.setUint32(offset, Math.floor(id / 2 ** 32));
  view.setUint32(offset + 4, id % 2 ** 32);
}
