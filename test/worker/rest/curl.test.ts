/**
 * The lines for curl in docs/API.md, as a person would run them.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessKey } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import { ok, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

const run = promisify(execFile);
const DOCUMENTED = "http://127.0.0.1:8787";
const hasTools =
  spawnSync("openssl", ["version"]).status === 0 &&
  spawnSync("curl", ["--help", "auth"]).stdout?.includes("--aws-sigv4") === true;

/** The commands of the first block that runs curl, each with the lines that go on with it. */
function commands(): string[] {
  const text = readFileSync("docs/API.md", "utf8");
  const block = text.split("```").find((part) => part.startsWith("\ncurl ")) ?? "";
  return block.split(/\n(?=curl )/).slice(1);
}

let edge: Edge;
let cluster: ServingCluster;
let folder: string;
beforeAll(async () => {
  ({ edge, cluster } = await servingEdge());
  folder = mkdtempSync(join(tmpdir(), "holdfast-curl-"));
});
afterAll(async () => {
  await edge.stop();
  rmSync(folder, { recursive: true });
});

async function answer(command: string): Promise<unknown> {
  const { accessKeyId, secretAccessKey } = await accessKey();
  const { stdout } = await run("sh", ["-c", command.replaceAll(DOCUMENTED, edge.url.origin)], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      CLUSTER: cluster.clusterId,
      SESSION: cluster.alice,
    },
  });
  return JSON.parse(stdout);
}

describe.skipIf(!hasTools)("curl, by the lines of API.md,", () => {
  it("is told the digest, and imports keys", async () => {
    const [digest = "", imports = "", ...others] = commands();
    expect(others).toEqual([]);
    expect(imports).toContain("keys:import");
    expect(await answer(digest)).toEqual(await ok(edge, "GET", `${cluster.path}/digest`));
    const raw = Buffer.alloc(32, 7).toString("base64");
    const key = { label: "by-curl", encrypt: true, material: { format: "raw", type: "aes", raw } };
    writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [key] }));
    expect(await answer(imports)).toMatchObject({ handles: [expect.any(Number)] });
    // Two equal requests, each with a key of its own: two keys.
    expect(await answer(imports)).toMatchObject({ handles: [expect.any(Number)] });
    const session = { session: cluster.alice };
    const { keys } = await ok(
      edge,
      "GET",
      `${cluster.path}/keys?label=by-curl`,
      undefined,
      session,
    );
    expect(keys).toHaveLength(2);
  });
});
