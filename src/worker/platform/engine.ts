/**
 * Randomness of the platform, as the engine takes it.
 */

/** Fresh bytes from the CSPRNG, at most 65,536. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}
