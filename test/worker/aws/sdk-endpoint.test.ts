/**
 * What the README says of the SDK for JavaScript: that it ignores the variable, and the lines that
 * work, run as they stand there.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessKey, backupsReady, REGION } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

const run = promisify(execFile);

let edge: Edge;
let backupId: string;
/** Below node_modules, where the SDK is found from. */
let folder: string;

beforeAll(async () => {
  const began = await servingEdge();
  edge = began.edge;
  const { client, clusterId } = began.cluster;
  const [backup] = await backupsReady(client, clusterId, 1);
  backupId = backup?.BackupId ?? "";
  folder = mkdtempSync("build/sdk-endpoint-");
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await edge.stop();
});

/** What a module prints that runs with the variables that `aws-env` prints. */
async function printed(code: string): Promise<string> {
  const { accessKeyId, secretAccessKey } = await accessKey();
  const file = join(folder, "lines.mjs");
  writeFileSync(file, code);
  const { stdout } = await run(process.execPath, [file], {
    env: {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL_CLOUDHSM_V2: edge.url.origin,
      AWS_ENDPOINT_URL: edge.url.origin,
    },
  });
  return stdout.trim();
}

it("the SDK for JavaScript goes to the real AWS whatever the environment says", async () => {
  const code = `
    import { CloudHSMV2Client, DescribeBackupsCommand } from "@aws-sdk/client-cloudhsm-v2";
    const client = new CloudHSMV2Client({});
    const stopBefore = () => ({ request }) => Promise.reject(new Error(request.hostname));
    client.middlewareStack.add(stopBefore, { step: "finalizeRequest", priority: "low" });
    await client.send(new DescribeBackupsCommand({})).catch(({ message }) => console.log(message));`;
  expect(await printed(code)).toBe(`cloudhsmv2.${REGION}.amazonaws.com`);
});

it("the lines of the README make a cluster from a backup", async () => {
  const [, code = ""] = /```js\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8")) ?? [];
  expect(await printed(code)).toMatch(new RegExp(`^cluster-[a-z2-7]+ from ${backupId}$`));
});
