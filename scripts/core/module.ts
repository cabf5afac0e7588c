/**
 * The core in Node, and its bundle for the edge: no byte of it is compiled or shipped unless it is
 * that of the committed hash, assembly/core.wasm.sha256.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyModuleHash } from "../../src/crypto/module-hash.ts";

const root = new URL("../../", import.meta.url);
const COMMITTED = new URL("assembly/core.wasm.sha256", root);

/**
 * The bytes of build/core.wasm, fresh and verified. A candidate named by HOLDFAST_CORE has its own
 * hash beside it, in a file of its name and `.sha256`.
 * @throws ModuleHashError; an error of the file system if one of the two is missing.
 */
export async function coreBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const candidate = process.env["HOLDFAST_CORE"];
  const bytes = new Uint8Array(readFileSync(candidate ?? new URL("build/core.wasm", root)));
  const expected = candidate === undefined ? COMMITTED : `${candidate}.sha256`;
  await verifyModuleHash(crypto.subtle, bytes, readFileSync(expected, "utf8"));
  return bytes;
}

/** Compiles the very bytes that were verified. @throws as `coreBytes`. */
export async function compileCore(): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(await coreBytes());
}

/**
 * Verifies every module that index.js in `folder`, a bundle, imports: workerd compiles it unasked.
 * @throws ModuleHashError if one differs, Error if there is none.
 */
export async function verifyBundle(folder: string): Promise<void> {
  const script = readFileSync(join(folder, "index.js"), "utf8");
  const names = readdirSync(folder).filter((n) => n.endsWith(".wasm") && script.includes(`/${n}"`));
  if (names.length === 0) throw new Error(`${folder}/index.js imports no module of its folder`);
  for (const name of names) {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    await verifyModuleHash(crypto.subtle, bytes, readFileSync(COMMITTED, "utf8"));
  }
}
