/**
 * A page in Chromium for bench/platforms.ts.
 */
import { coreBytes } from "../scripts/core/module.ts";
import { launchBrowser } from "../test/lib/browser.ts";
import { bundle } from "./bundle.ts";
import type { Platform, PlatformOrder } from "./platform-cases.ts";
import type { ThreadSpeeds } from "./turns.ts";

/** Never fetched: the page is made here. WebCrypto wants an origin that is trustworthy. */
const ADDRESS = "http://localhost/";

declare const startBench: (wasmBase64: string) => Promise<void>;
declare const runBench: (order: PlatformOrder) => Promise<void>;
declare const runThreads: (script: string) => Promise<ThreadSpeeds>;

export async function startPage(): Promise<Platform> {
  const { browser } = await launchBrowser();
  const page = await browser.newPage();
  await page.route(ADDRESS, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><title>bench</title>" }),
  );
  await page.goto(ADDRESS);
  await page.addScriptTag({ content: await bundle("./platform-page.ts"), type: "module" });
  await page.waitForFunction("typeof startBench === 'function'");
  const wasm = Buffer.from(await coreBytes()).toString("base64");
  await page.evaluate((bytes) => startBench(bytes), wasm);
  const thread = await bundle("./platform-thread.ts");
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer");
  return {
    name: `Chromium ${browser.version()}`,
    // The page's own is the last to be started: others are spare.
    pid: renderers.at(-1)?.id ?? null,
    run: (order) => page.evaluate((ordered) => runBench(ordered), order),
    threads: () => page.evaluate((script) => runThreads(script), thread),
    stop: () => browser.close(),
  };
}
