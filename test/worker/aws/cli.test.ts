import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessKey, backupsReady, REGION } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

const run = promisify(execFile);

async function hasAwsCli(): Promise<boolean> {
  try {
    await run("aws", ["--version"]);
    return true;
  } catch {
    console.warn("skipped: the `aws` command is not installed");
    return false;
  }
}

describe.skipIf(!(await hasAwsCli()))("the aws command", () => {
  let edge: Edge;
  let clusterId: string;
  let backupId: string;
  beforeAll(async () => {
    const began = await servingEdge();
    edge = began.edge;
    clusterId = began.cluster.clusterId;
    const [backup] = await backupsReady(began.cluster.client, clusterId, 1);
    backupId = backup?.BackupId ?? "";
  });
  afterAll(() => edge.stop());

  async function aws(...words: string[]) {
    const { accessKeyId, secretAccessKey } = await accessKey();
    const env = {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ENDPOINT_URL_CLOUDHSM_V2: edge.url.origin,
      AWS_MAX_ATTEMPTS: "1",
    };
    const { stdout } = await run("aws", ["cloudhsmv2", ...words, "--output", "json"], { env });
    return JSON.parse(stdout);
  }

  it("describes backups by its own shorthand for filters", async () => {
    const filters = `states=READY,PENDING_DELETION,clusterIds=${clusterId}`;
    const { Backups } = await aws("describe-backups", "--filters", filters);
    expect(Backups).toMatchObject([
      { BackupId: backupId, BackupState: "READY", HsmType: "hsm2m.medium", Mode: "FIPS" },
    ]);
  });

  it("deletes a backup and restores it", async () => {
    const { Backup } = await aws("delete-backup", "--backup-id", backupId);
    expect(Backup.BackupState).toBe("PENDING_DELETION");
    const restored = await aws("restore-backup", "--backup-id", backupId);
    expect(restored.Backup.BackupState).toBe("READY");
  });

  it("shows a refusal with its name and text", async () => {
    await expect(aws("restore-backup", "--backup-id", backupId)).rejects.toThrow(
      /An error occurred \(CloudHsmInvalidRequestException\) when calling the RestoreBackup operation: Backup 'backup-\w+' is in state READY/,
    );
  });
});
