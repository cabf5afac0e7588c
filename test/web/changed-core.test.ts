/**
 * The restore tool with a byte of its core flipped: it says so and computes nothing.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../lib/browser.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { backupFile, RestorePage } from "./restore-page.ts";
import { makeSampleBackup, type SampleBackup } from "./sample-backup.ts";

let browser: Browser;
let edge: Edge;
let sample: SampleBackup;
let context: BrowserContext | null = null;

beforeAll(async () => {
  sample = await makeSampleBackup();
  edge = await startEdge();
  ({ browser } = await launchBrowser());
});

afterEach(async () => {
  await context?.close();
  context = null;
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
});

/** The first script that carries the core, with a byte of the core flipped: the rest as built. */
function withFlippedCore(text: string): string {
  const changed = text.replace(/(data:application\/wasm;base64,)([\w+/=]+)/, (_, head, base64) => {
    const bytes = Buffer.from(base64, "base64");
    const at = bytes.indexOf("wipePassing");
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    expect(WebAssembly.validate(bytes)).toBe(true);
    return head + bytes.toString("base64");
  });
  expect(changed).not.toBe(text);
  return changed;
}

describe("a page whose core has a flipped byte", () => {
  async function expectRefused(tool: RestorePage): Promise<void> {
    await tool.page.getByLabel("for Backup").setInputFiles(backupFile(sample.sealed));
    const alert = await tool.page.getByRole("alert").innerText();
    expect(alert).toContain("This page is not as it was built");
    expect(alert).toContain("core_changed");
    expect((await tool.checks()).filter(({ state }) => state === "held")).toEqual([]);
    expect(await tool.page.getByText(sample.stateDigest).count()).toBe(0);
  }

  it("runs nothing of it as a single file, even with the policy's hash made to fit", async () => {
    const built = readFileSync("dist/restore/restore.html", "utf8");
    const changed = withFlippedCore(built);
    const hashOf = (html: string): string => {
      const [, script = ""] = /<script[^>]*>([\s\S]*?)<\/script>/.exec(html) ?? [];
      return createHash("sha256").update(script).digest("base64");
    };
    const folder = mkdtempSync(join(tmpdir(), "holdfast-page-"));
    const file = join(folder, "restore.html");
    writeFileSync(file, changed.replace(hashOf(built), hashOf(changed)));
    context = await browser.newContext({ offline: true });
    await expectRefused(await RestorePage.open(context, pathToFileURL(file).href));
    rmSync(folder, { recursive: true });
  });

  it("runs nothing of it as the installed page", async () => {
    context = await browser.newContext({ serviceWorkers: "block" });
    let flipped = 0;
    await context.route("**/assets/*.js", async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      if (!text.includes("data:application/wasm")) return await route.fulfill({ response });
      flipped++;
      await route.fulfill({ response, body: withFlippedCore(text) });
    });
    await expectRefused(await RestorePage.open(context, new URL("/restore", edge.url).href));
    expect(flipped).toBe(1);
  });
});
