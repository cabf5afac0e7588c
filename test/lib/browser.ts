/**
 * A Chromium for the tests, wherever it comes from.
 *
 * $CHROME_PATH, else an installed Chrome, Chromium or Edge, else the headless shell inside the npm
 * package @sparticuz/chromium, which needs neither a package manager nor a download. With
 * BROWSER_NPM set, installed browsers are passed over.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NPM_CHROMIUM_VERSION = "147.0.0";

function linuxBrowsers(): string[] {
  const names = [
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "chromium-headless-shell",
    "microsoft-edge",
  ];
  return [...names.map((name) => `/usr/bin/${name}`), "/snap/bin/chromium"];
}

function macBrowsers(): string[] {
  return ["", homedir()].flatMap((home) =>
    ["Google Chrome", "Chromium", "Microsoft Edge"].map(
      (name) => `${home}/Applications/${name}.app/Contents/MacOS/${name}`,
    ),
  );
}

function windowsBrowsers(): string[] {
  const programs = process.env["PROGRAMFILES"] ?? "C:\\Program Files";
  const local = process.env["LOCALAPPDATA"] ?? "";
  return [
    join(programs, "Google/Chrome/Application/chrome.exe"),
    join(local, "Google/Chrome/Application/chrome.exe"),
    join(`${programs} (x86)`, "Microsoft/Edge/Application/msedge.exe"),
  ];
}

function installedBrowsers(): string[] {
  if (process.platform === "linux") return linuxBrowsers();
  if (process.platform === "darwin") return macBrowsers();
  return process.platform === "win32" ? windowsBrowsers() : [];
}

interface Unpacked {
  readonly executablePath: string;
  readonly env: Record<string, string>;
}

/**
 * Unpacks the npm Chromium once, into a folder of its version.
 *
 * It unpacks to os.tmpdir() and reuses whatever lies there, hence TMPDIR; it brings libnss3,
 * libnspr4 and libexpat only where it believes to be on Lambda, hence AWS_EXECUTION_ENV; its
 * fonts.conf names a fixed folder and Chromium aborts where there is no font at all, hence a
 * fonts.conf of ours.
 */
async function npmChromium(): Promise<Unpacked> {
  const folder = join(process.cwd(), "node_modules/.cache", `chromium-${NPM_CHROMIUM_VERSION}`);
  mkdirSync(folder, { recursive: true });
  const saved = { ...process.env };
  let executablePath: string;
  try {
    process.env["TMPDIR"] = folder;
    process.env["AWS_EXECUTION_ENV"] = "AWS_Lambda_nodejs22.x";
    const { default: sparticuz } = await import("@sparticuz/chromium");
    executablePath = await sparticuz.executablePath();
  } finally {
    for (const name of Object.keys(process.env)) {
      if (!(name in saved)) delete process.env[name];
    }
    Object.assign(process.env, saved);
  }
  const fonts = join(folder, "fonts.conf");
  const folders = [`${folder}/fonts`, "/usr/share/fonts"].map((path) => `<dir>${path}</dir>`);
  writeFileSync(
    fonts,
    `<?xml version="1.0"?><fontconfig>${folders.join("")}` +
      `<cachedir>${folder}/fc</cachedir></fontconfig>`,
  );
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(saved)) if (value !== undefined) env[name] = value;
  return {
    executablePath,
    env: { ...env, LD_LIBRARY_PATH: `${folder}/al2023/lib`, FONTCONFIG_FILE: fonts },
  };
}

/** A running browser; the caller closes it. `origin` says which one it is. */
export async function launchBrowser(): Promise<{ browser: Browser; origin: string }> {
  const forced = process.env["CHROME_PATH"];
  const installed = process.env["BROWSER_NPM"] === undefined ? installedBrowsers() : [];
  const found = (forced === undefined ? installed : [forced]).find((path) => existsSync(path));
  if (found !== undefined) {
    return { browser: await chromium.launch({ executablePath: found }), origin: found };
  }
  if (process.platform === "linux" && process.arch === "x64") {
    const browser = await chromium.launch({
      ...(await npmChromium()),
      args: ["--headless=shell", "--no-zygote", "--disable-gpu"],
    });
    return { browser, origin: "@sparticuz/chromium" };
  }
  throw new Error(
    "No Chrome found: install Google Chrome or Chromium, or set CHROME_PATH to its executable.",
  );
}
