/**
 * Addresses that are none: 404, whether or not the pages are installed.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../lib/browser.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { pageProblems } from "./page-checks.ts";

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

const at = (path: string) => new URL(path, edge.url).href;

describe("an address that is none", () => {
  it.each(["/no/such", "/restore/more", "/assets/none.js", "/v1", "/v2/clusters"])(
    "answers 404: %s",
    async (path) => {
      for (const method of ["GET", "HEAD"]) {
        expect((await fetch(at(path), { method, redirect: "manual" })).status).toBe(404);
      }
      // Nothing can be sent to a page, be there one or not.
      expect((await fetch(at(path), { method: "POST" })).status).toBe(405);
    },
  );

  it("answers 200 no longer where pages are", async () => {
    for (const path of ["/", "/restore", "/icon.svg", "/sw.js", "/restore-offline"]) {
      expect((await fetch(at(path))).status).toBe(200);
    }
  });

  it.each(["light", "dark"] as const)("shows a page that is sound (%s)", async (colorScheme) => {
    for (const width of [360, 1440]) {
      const viewport = { width, height: 800 };
      const page = await browser.newPage({ colorScheme, viewport, reducedMotion: "reduce" });
      const path = `/no/such/${"page".repeat(30)}`;
      expect((await page.goto(at(path)))?.status()).toBe(404);
      await page.getByText(path).waitFor();
      expect(await pageProblems(page)).toEqual([]);
      await page.close();
    }
  });

  it("answers 404 also once the pages are kept for offline", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(at("/"));
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    expect((await page.goto(at("/no/such")))?.status()).toBe(404);
    expect((await page.goto(at("/restore")))?.status()).toBe(200);
    await context.close();
  });
});
