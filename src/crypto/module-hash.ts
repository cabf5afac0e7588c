/**
 * Whether the bytes about to be compiled are the module of this build.
 *
 * For hosts that compile at run time (Node, browsers): hash, then compile those very bytes. workerd
 * is given a compiled module; there the bundle is checked when it is built.
 */
import { encodeHex } from "./base-encodings.ts";
import type { Subtle } from "./web-crypto.ts";

/** The bytes are not the module of this build: nothing of them may be run. */
export class ModuleHashError extends Error {
  override readonly name = "ModuleHashError";
}

/**
 * Compares the SHA-256 of `bytes` with `expected`, assembly/core.wasm.sha256: 64 hexadecimal
 * digits, what follows them is ignored.
 *
 * @throws ModuleHashError if they differ.
 */
export async function verifyModuleHash(
  subtle: Subtle,
  bytes: Uint8Array<ArrayBuffer>,
  expected: string,
): Promise<void> {
  const digest = new Uint8Array(await subtle.digest({ name: "SHA-256" }, bytes));
  const hex = encodeHex(digest);
  if (hex === expected.slice(0, 64)) return;
  throw new ModuleHashError(
    `core.wasm has SHA-256 ${hex}, expected ${expected.slice(0, 64)}: ` +
      "it was changed after the build, or belongs to another version. Do not use it; " +
      "`npm run build:wasm` makes it anew.",
  );
}
