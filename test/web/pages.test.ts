/**
 * The pages as they were built and served: policies, the landing page, the file to save, and a page
 * whose core has a byte flipped.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync, inflateRawSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../lib/browser.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { pageProblems } from "./page-checks.ts";
import { backupFile, RestorePage } from "./restore-page.ts";
import { makeSampleBackup, type SampleBackup } from "./sample-backup.ts";

/** No service worker: a page may be closed while it still fetches what it keeps. */
const PLAIN = { serviceWorkers: "block", reducedMotion: "reduce" } as const;

let browser: Browser;
let edge: Edge;

beforeAll(async () => {
  edge = await startEdge();
  ({ browser } = await launchBrowser());
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
});

async function policyOf(path: string): Promise<string> {
  const response = await fetch(new URL(path, edge.url));
  expect(response.status).toBe(200);
  return response.headers.get("content-security-policy") ?? "";
}

/** Paths of the scripts that a page of the build loads. */
function scripts(page: string): string[] {
  const html = readFileSync(`dist/web/${page}`, "utf8");
  const paths = [...html.matchAll(/src="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
  expect(paths).not.toEqual([]);
  return paths;
}

describe("policies", () => {
  it("allow nothing by default, on every page", async () => {
    for (const path of ["/", "/restore", ...scripts("index.html"), ...scripts("restore.html")]) {
      const policy = await policyOf(path);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
      expect(policy).not.toContain("unsafe-inline");
    }
  });

  it("let the restore page and its worker reach nothing", async () => {
    expect(await policyOf("/restore")).toContain("connect-src 'none'");
    const entry = scripts("restore.html").map((path) => readFileSync(`dist/web${path}`, "utf8"));
    const [worker] = /\/assets\/engine-[\w-]+\.js/.exec(entry.join("")) ?? [];
    if (worker === undefined) throw new Error("the page names no worker");
    expect(await policyOf(worker)).toContain("connect-src 'none'");
  });

  it("are in the single file, with hashes and no network", () => {
    const html = readFileSync("dist/restore/restore.html", "utf8");
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1] ?? "";
    expect(policy).toContain("connect-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-[\w+/=]{44}' 'wasm-unsafe-eval'/);
    expect(policy).not.toMatch(/unsafe-inline|https?:|\*/);
    expect(html).not.toMatch(/<(?:script|link|img)[^>]+(?:src|href)="(?!data:)/);
  });
});

it("the single file stays small and free of packages that parse X.509", () => {
  const html = readFileSync("dist/restore/restore.html", "utf8");
  expect(html.length).toBeLessThan(300_000);
  const engine = packedEngine(html);
  expect(engine).toContain("kit_not_json");
  for (const script of [html, engine]) expect(script).not.toContain("X509Certificate");
});

/** The worker inside the single file, unpacked: the longest text of base64 there. */
function packedEngine(html: string): string {
  const texts = [...html.matchAll(/[A-Za-z0-9+/]{1000,}={0,2}/g)].map(([text]) => text);
  const [longest = ""] = texts.sort((a, b) => b.length - a.length);
  return inflateRawSync(Buffer.from(longest, "base64")).toString();
}

it("the installed restore page loads at most 90 kB at first, and the hybrid KEM later", () => {
  const entry = scripts("restore.html").map((path) => readFileSync(`dist/web${path}`, "utf8"));
  const [engine = ""] = /\/assets\/engine-[\w-]+\.js/.exec(entry.join("")) ?? [];
  const html = readFileSync("dist/web/restore.html", "utf8");
  const assets = readdirSync("dist/web/assets").filter((name) => html.includes(name));
  const names = new Set([engine, ...assets.map((name) => `/assets/${name}`)]);
  const texts = [html, ...[...names].map((name) => readFileSync(`dist/web${name}`, "utf8"))];
  const bytes = texts.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
  expect(names.size).toBeGreaterThan(2);
  expect(bytes).toBeLessThan(90_000);
  const later = texts.join("").match(/hybrid-[\w-]+\.js/)?.[0] ?? "";
  expect(readFileSync(`dist/web/assets/${later}`, "utf8").length).toBeGreaterThan(20_000);
  expect([...names].join()).not.toContain(later);
});

describe("the landing page", () => {
  it.each(["light", "dark"] as const)(
    "is sound, and says that the edge is well (%s)",
    async (colorScheme) => {
      const page = await browser.newPage({ ...PLAIN, colorScheme });
      for (const width of [360, 1440]) {
        await page.setViewportSize({ width, height: 800 });
        await page.goto(edge.url.href);
        await page.getByText("Answering", { exact: true }).waitFor();
        expect(await pageProblems(page)).toEqual([]);
      }
      await page.close();
    },
  );

  it("hands out the single file as it was built", async () => {
    const page = await browser.newPage({ ...PLAIN, acceptDownloads: true });
    await page.goto(edge.url.href);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Save it as one file" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("holdfast-restore.html");
    const saved = readFileSync(await download.path());
    expect(saved.equals(readFileSync("dist/restore/restore.html"))).toBe(true);
    await page.close();
  });

  it("turns its theme over by the button", async () => {
    const page = await browser.newPage({ ...PLAIN, colorScheme: "light" });
    await page.goto(edge.url.href);
    await page.getByRole("button", { name: "Dark theme" }).click();
    await page.waitForFunction(() => document.documentElement.dataset["theme"] === "dark");
    await page.close();
  });
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
  let sample: SampleBackup;

  beforeAll(async () => {
    sample = await makeSampleBackup();
  });

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
    const context = await browser.newContext({ offline: true });
    await expectRefused(await RestorePage.open(context, pathToFileURL(file).href));
    await context.close();
    rmSync(folder, { recursive: true });
  });

  it("runs nothing of it as the installed page", async () => {
    const context = await browser.newContext({ serviceWorkers: "block" });
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
    await context.close();
  });
});
