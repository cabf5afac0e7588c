/**
 * Puts the restore tool on its page: the same for the installed page and for the single file.
 */
import { render } from "preact";
import coreUrl from "../../../build/core.wasm?url&inline";
import { showSystemTheme } from "../design/theme.ts";
import { decodeBase64 } from "./data-input.tsx";
import { RestoreTool } from "./restore-tool.tsx";
import "../design/design.css";

/** Compiles the core from the page itself: the page's policy forbids every request. */
async function compileCore(): Promise<WebAssembly.Module> {
  const bytes = decodeBase64(coreUrl.slice(coreUrl.indexOf(",") + 1));
  if (bytes === null) throw new Error("unreachable: the inlined core is not base64");
  return WebAssembly.compile(bytes);
}

export function mount(startWorker: () => Worker, home?: string): void {
  const app = document.getElementById("app");
  if (app === null) throw new Error("unreachable: the page has no #app");
  showSystemTheme();
  const parts = { startWorker, module: compileCore() };
  render(
    <RestoreTool parts={parts} build="Format 1" {...(home === undefined ? {} : { home })} />,
    app,
  );
}
