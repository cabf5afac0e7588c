/**
 * What an install brings and runs, by package.json and package-lock.json: exact versions out of the
 * registry, each with the hash of its bytes, and no install script that is not on the list.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** A package of the lock file, under the path that it is installed to. */
interface Locked {
  readonly version?: string;
  /** Absent where it is whatever registry npm is set to: the hash holds for each of them. */
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const REGISTRY = "https://registry.npmjs.org/";
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
const FOLDER = "node_modules/";

const manifest: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const locked: Record<string, Locked> = JSON.parse(
  readFileSync("package-lock.json", "utf8"),
).packages;

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);
}

/** One sentence for each package that an install would bring or run otherwise than is agreed. */
function breaches(packages: Readonly<Record<string, Locked>>, list: Manifest["allowScripts"]) {
  const found: string[] = [];
  for (const [path, { resolved, integrity, hasInstallScript }] of Object.entries(packages)) {
    if (path === "") continue; // The project itself.
    const name = nameOf(path);
    if (hasInstallScript && !Object.hasOwn(list, name)) {
      found.push(`${name} runs an install script and is not on the list`);
    }
    if (resolved !== undefined && !resolved.startsWith(REGISTRY))
      found.push(`${name} comes from ${resolved}`);
    if (!integrity?.startsWith("sha512-")) found.push(`${name} has no hash`);
  }
  const scripted = new Set(
    Object.entries(packages).flatMap(([path, one]) => (one.hasInstallScript ? nameOf(path) : [])),
  );
  for (const name of Object.keys(list)) {
    if (!scripted.has(name)) found.push(`${name} is on the list and runs no install script`);
  }
  return found;
}

describe("an install", () => {
  it("runs no script that is not on the list, and takes every package by its hash", () => {
    expect(Object.keys(locked).length).toBeGreaterThan(200);
    expect(breaches(locked, manifest.allowScripts)).toEqual([]);
  });

  it("asks npm to refuse a script that is not on the list", () => {
    expect(readFileSync(".npmrc", "utf8").split("\n")).toContain("strict-allow-scripts=true");
  });

  it("takes exact versions", () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const wanted = { ...dependencies, ...devDependencies, ...optionalDependencies };
    expect(Object.entries(wanted).filter(([, version]) => !EXACT.test(version))).toEqual([]);
  });

  it.each(["^1.2.3", "1.2", "1.2.x", "1.2.3 || 2.0.0", "1.2.3 - 2.0.0", "latest", ">=1.2.3"])(
    "does not take %s for exact",
    (version) => expect(version).not.toMatch(EXACT),
  );

  const sound = { integrity: "sha512-AAAA" };
  const planted: readonly (readonly [string, Record<string, Locked>, string])[] = [
    [
      "an install script",
      { "node_modules/a": { ...sound, hasInstallScript: true } },
      "a runs an install script and is not on the list",
    ],
    [
      "an install script deep inside",
      { "node_modules/a/node_modules/@b/c": { ...sound, hasInstallScript: true } },
      "@b/c runs an install script and is not on the list",
    ],
    [
      "a package from elsewhere",
      { "node_modules/a": { ...sound, resolved: "git+ssh://git@example.org/a.git" } },
      "a comes from git+ssh://git@example.org/a.git",
    ],
    [
      "a package without a hash",
      { "node_modules/a": { resolved: `${REGISTRY}a/-/a-1.0.0.tgz` } },
      "a has no hash",
    ],
  ];
  it.each(planted)("is refused with %s", (_, packages, sentence) => {
    expect(breaches(packages, {})).toEqual([sentence]);
  });

  it("is refused with a list longer than what runs", () => {
    expect(breaches({ "node_modules/a": sound }, { a: true })).toEqual([
      "a is on the list and runs no install script",
    ]);
  });
});
