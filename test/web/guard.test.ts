/**
 * What a foreign script in the restore tool could not do, though it ran: each tried in the page.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser } from "../lib/browser.ts";
import { type Edge, startEdge } from "../lib/mf.ts";
import { pageProblems } from "./page-checks.ts";
import { RestorePage } from "./restore-page.ts";

let browser: Browser;
let edge: Edge;
let context: BrowserContext;
/** A server of somebody else, and what it was asked for. */
let elsewhere: Server;
const asked: string[] = [];

beforeAll(async () => {
  edge = await startEdge();
  ({ browser } = await launchBrowser());
  elsewhere = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("elsewhere");
  });
  await new Promise<void>((done) => elsewhere.listen(0, "127.0.0.1", done));
});

afterEach(async () => {
  await context.close();
  asked.length = 0;
});

afterAll(async () => {
  await browser?.close();
  await edge?.stop();
  elsewhere?.close();
});

function elsewhereUrl(): string {
  return `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
}

async function open(url: string): Promise<Page> {
  context = await browser.newContext({ serviceWorkers: "block" });
  return (await RestorePage.open(context, url)).page;
}

/** Each makes script of a text, and says whether that was done. */
const SINKS: readonly string[] = [
  `new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])))`,
  `new Worker("/assets/other.js")`,
  `document.body.innerHTML = "<b>bold</b>"`,
  `document.body.insertAdjacentHTML("beforeend", "<b>bold</b>")`,
  `document.createElement("script").src = "data:text/javascript,1"`,
  `document.createElement("script").textContent = "1"`,
  `document.createElement("iframe").srcdoc = "<b>bold</b>"`,
  `document.createRange().createContextualFragment("<b>bold</b>")`,
  `new DOMParser().parseFromString("<b>bold</b>", "text/html")`,
  `document.write("<b>bold</b>")`,
];

/** Each takes something to the address that is put in place of URL. */
const WAYS_OUT: readonly string[] = [
  "location.href = URL",
  "location.replace(URL)",
  "Object.assign(document.createElement('a'), { href: URL }).click()",
  "Object.assign(document.createElement('a'), { href: URL, download: 'x' }).click()",
  `{ const meta = document.createElement("meta"); meta.httpEquiv = "refresh";
     meta.content = "0; url=" + URL; document.head.append(meta); }`,
  `{ const form = document.createElement("form"); form.action = URL;
     document.body.append(form); form.submit(); }`,
  `{ const frame = document.createElement("iframe"); document.body.append(frame);
     frame.contentWindow.parent.location = URL; }`,
  `{ const frame = document.createElement("iframe"); document.body.append(frame);
     frame.contentWindow.location = URL; }`,
  "fetch(URL).catch(() => undefined)",
  "navigator.sendBeacon(URL)",
  "new Image().src = URL",
];

describe.each([
  ["the restore page", () => new URL("/restore", edge.url).href],
  ["the single file", () => pathToFileURL(resolve("dist/restore/restore.html")).href],
])("%s", (_name, url) => {
  it("makes no script and no markup of text", async () => {
    const page = await open(url());
    const outcomes: Record<string, unknown> = {};
    for (const sink of SINKS) {
      outcomes[sink] = await page.evaluate(
        `(() => { try { ${sink}; return "done"; } catch (error) { return error.message; } })()`,
      );
    }
    const refused = expect.stringMatching(/requires 'Trusted(Script|ScriptURL|HTML)' assignment/);
    expect(outcomes).toEqual(Object.fromEntries(SINKS.map((sink) => [sink, refused])));
  });

  it("does not go elsewhere", async () => {
    const page = await open(url());
    const before = page.url();
    for (const [index, way] of WAYS_OUT.entries()) {
      const address = JSON.stringify(`${elsewhereUrl()}?${index}`);
      await page.evaluate(way.replaceAll("URL", address)).catch(() => undefined);
    }
    await page.evaluate(() => new Promise((next) => setTimeout(next, 1000)));
    expect(asked).toEqual([]);
    expect(page.url()).toBe(before);
  });

  it("has no ways to a network that its policy does not know", async () => {
    const page = await open(url());
    const names = ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport"];
    expect(await page.evaluate((all) => all.filter((one) => one in globalThis), names)).toEqual([]);
  });
});

it("the restore page opens no windows", async () => {
  const page = await open(new URL("/restore", edge.url).href);
  expect(await page.evaluate((url) => window.open(url) === null, elsewhereUrl())).toBe(true);
  expect(asked).toEqual([]);
  expect(context.pages()).toHaveLength(1);
});

describe("without a secure context", () => {
  /** The edge by a name that is not this machine's: the browser trusts no such address over http. */
  async function openByName(options: Parameters<Browser["newContext"]>[0]): Promise<Page> {
    context = await browser.newContext({ reducedMotion: "reduce", ...options });
    await context.route("http://holdfast.test/**", async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({
        response: await route.fetch({ url: `${edge.url.origin}${pathname}` }),
      });
    });
    return (await RestorePage.open(context, "http://holdfast.test/restore")).page;
  }

  it.each(["light", "dark"] as const)("the restore page says what it is (%s)", async (scheme) => {
    for (const width of [360, 1440]) {
      const page = await openByName({ colorScheme: scheme, viewport: { width, height: 800 } });
      expect(await page.evaluate(() => isSecureContext)).toBe(false);
      const text = await page.locator("main").innerText();
      expect(text).toContain("came over plain http from holdfast.test");
      expect(text).toContain("https://");
      expect(text).toContain("http://localhost/restore");
      expect(text).not.toContain("Use a current Chrome");
      expect(await page.getByLabel("for Backup").count()).toBe(0);
      expect(await pageProblems(page)).toEqual([]);
      await context.close();
    }
  });
});
