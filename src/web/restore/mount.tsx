/**
 * Puts the restore tool on its page: the same for the installed page and for the single file.
 */

import coreHash from "../../../assembly/core.wasm.sha256?raw";
import coreUrl from "../../../build/core.wasm?url&inline";
import { decodeBase64, encodeHex } from "../../crypto/base-encodings.ts";
import { verifyModuleHash } from "../../crypto/module-hash.ts";
import { loadScript } from "../design/guard.ts";
import { showPage } from "../design/page.ts";
import { NoCryptography } from "./no-cryptography.tsx";
import { RestoreTool } from "./restore-tool.tsx";

/** The core, out of the page itself: the page's policy forbids every request. */
function coreBytes(): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(coreUrl.slice(coreUrl.indexOf(",") + 1));
  if (bytes === null) throw new Error("unreachable: the inlined core is not base64");
  return bytes;
}

/** @param home - address of the landing page; absent in the single file. */
export function mount(startWorker: () => Worker, home?: string): void {
  const place = home === undefined ? {} : { home };
  // Absent where the context is not secure, whatever its type says.
  if ((crypto.subtle as SubtleCrypto | undefined) === undefined) {
    showPage(<NoCryptography {...place} />);
    return;
  }
  const bytes = coreBytes();
  const parts = { startWorker: () => loadScript(startWorker), module: compileVerified(bytes) };
  showPage(<RestoreTool parts={parts} coreDigest={digestText(bytes)} {...place} />);
}

/** Compiles the very bytes that were verified. Rejects with a ModuleHashError. */
async function compileVerified(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  await verifyModuleHash(crypto.subtle, bytes, coreHash);
  return await WebAssembly.compile(bytes);
}

/** SHA-256 of the core in hex, to be compared with the one that a release names. */
async function digestText(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
