/**
 * workerd for bench/platforms.ts.
 */
import { Miniflare } from "miniflare";
import { coreBytes } from "../scripts/core/module.ts";
import { bundle } from "./bundle.ts";
import type { Platform } from "./platform-cases.ts";
import { workerdPid } from "./process-usage.ts";

export async function startWorkerd(): Promise<Platform> {
  const worker = new Miniflare({
    cf: false,
    compatibilityDate: "2026-04-20",
    modulesRoot: "/",
    modules: [
      {
        type: "ESModule",
        path: "/worker.js",
        contents: await bundle("./platform-worker.ts", ["./core.wasm"]),
      },
      { type: "CompiledWasm", path: "/core.wasm", contents: await coreBytes() },
    ],
  });
  await worker.ready;
  return {
    name: "workerd",
    pid: workerdPid(),
    async run(order): Promise<void> {
      const body = JSON.stringify(order);
      const response = await worker.dispatchFetch("http://bench/", { method: "POST", body });
      const text = await response.text();
      if (!response.ok) throw new Error(`workerd: ${text}`);
    },
    threads: null,
    stop: () => worker.dispose(),
  };
}
