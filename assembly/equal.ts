/**
 * Comparison whose time depends on the length alone.
 *
 * The result becomes public here, and only the result.
 */
import { maskOf } from "./key-wrap";
import { DATA, DATA_BYTES, declassify } from "./memory";
import { BAD_LENGTH } from "./status";

/** 1 if the first `length` bytes of DATA equal the next `length`, else 0; or BAD_LENGTH. */
export function equalBytes(length: u32): i32 {
  if (length > DATA_BYTES >> 1) return BAD_LENGTH;
  let different: u64 = 0;
  for (let i: u32 = 0; i < length; i++) {
    different |= load<u8>(DATA + i) ^ load<u8>(DATA + length + i);
  }
  return declassify(<i32>(1 & ~maskOf(different)));
}
