/**
 * Puts the restore tool on its page: the same for the installed page and for the single file.
 */
import { render } from "preact";
import coreHash from "../../../assembly/core.wasm.sha256?raw";
import coreUrl from "../../../build/core.wasm?url&inline";
import { verifyModuleHash } from "../../crypto/module-hash.ts";
import { hexText } from "../design/format.ts";
import { showSystemTheme } from "../design/theme.ts";
import { decodeBase64 } from "./data-input.tsx";
import { RestoreTool } from "./restore-tool.tsx";
import "../design/design.css";

/** The core, out of the page itself: the page's policy forbids every request. */
function coreBytes(): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(coreUrl.slice(coreUrl.indexOf(",") + 1));
  if (bytes === null) throw new Error("unreachable: the inlined core is not base64");
  return bytes;
}

export function mount(startWorker: () => Worker, home?: string): void {
  const app = document.getElementById("app");
  if (app === null) throw new Error("unreachable: the page has no #app");
  showSystemTheme();
  const bytes = coreBytes();
  const parts = { startWorker, module: compileVerified(bytes) };
  const place = home === undefined ? {} : { home };
  render(<RestoreTool parts={parts} coreDigest={digestText(bytes)} {...place} />, app);
}

/** Compiles the very bytes that were verified. Rejects with a ModuleHashError. */
async function compileVerified(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  await verifyModuleHash(crypto.subtle, bytes, coreHash);
  return await WebAssembly.compile(bytes);
}

/** SHA-256 of the core in hex, to be compared with the one that a release names. */
async function digestText(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hexText(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
