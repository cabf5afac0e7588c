/**
 * Statuses: what an export returns instead of throwing.
 *
 * A value of zero or more is a number of bytes (or plain success); below zero it is one of these.
 * Nothing here traps: a trap would leave secrets in linear memory.
 */

/** The call did what its name says. */
export const OK: i32 = 0;
/** A length is outside the bounds of the operation or of its memory region. */
export const BAD_LENGTH: i32 = -1;
/** No such slot, or the slot does not hold what the operation needs. */
export const BAD_SLOT: i32 = -2;
/** The input does not verify. One value for every reason (SP 800-38F §5.3, RFC 5649 §3). */
export const REFUSED: i32 = -3;
/** No such algorithm, counter width or counter place. */
export const BAD_ALGORITHM: i32 = -4;
