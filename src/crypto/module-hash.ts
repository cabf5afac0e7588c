/**
 * Whether the bytes about to be compiled are the module of this build.
 *
 * For hosts that compile at run time (Node, browsers): hash, then compile those very bytes. workerd is
 * given a compiled module; there the bundle is checked when it is built.
 */
import type { Subtle } from "./web-crypto.ts";

/**
 * Compares the SHA-256 of `bytes` with `expected`, build/core.wasm.sha256: 64 hexadecimal digits, what
 * follows them is ignored.
 *
 * @throws Error if they differ; then nothing of `bytes` may be run.
 */
export async function verifyModuleHash(
  subtle: Subtle,
  bytes: Uint8Array<ArrayBuffer>,
  expected: string,
): Promise<void> {
  const digest = new Uint8Array(await subtle.digest({ name: "SHA-256" }, bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex === expected.slice(0, 64)) return;
  throw new Error(
    `core.wasm has SHA-256 ${hex}, expected ${expected.slice(0, 64)}: ` +
      "it was changed after the build, or belongs to another version. Do not use it; build anew.",
  );
}
