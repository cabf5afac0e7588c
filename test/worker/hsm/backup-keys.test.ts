/**
 * Backups under keys that are not the deployment's: each refused by its own name, nothing restored; and
 * the sealed file, opened outside with the recovery kit.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WORKER_NAME } from "../../../scripts/edge/embedded.ts";
import { memoryFile } from "../../../src/backup/file.ts";
import { parseKit } from "../../../src/backup/kit/kit.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import { cloudHsm, createCluster, refusal } from "../../lib/aws.ts";
import { loadCore } from "../../lib/core.ts";
import { type Edge, startEdge, testSecrets } from "../../lib/mf.ts";
import { backUp, ok, rest, restFetch, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let persist: string;
let edge: Edge;
let cluster: ServingCluster;
let backup: { backupId: string; stateDigest: string; bodyBytes: number };

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
  ({ edge, cluster } = await servingEdge({ persist }));
  backup = await backUp(edge, cluster);
}, 60_000);

afterAll(async () => {
  await edge.stop();
  await rm(persist, { recursive: true });
});

describe("a downloaded backup", () => {
  it("comes as one file of known length and opens with the recovery kit", async () => {
    const path = `/v1/backups/${backup.backupId}/download`;
    const response = await restFetch(edge, "GET", path, undefined, {
      headers: { "accept-encoding": "identity" },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-disposition")).toContain(`${backup.backupId}.hbk`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(Number(response.headers.get("content-length"))).toBe(bytes.length);
    const { kit: text } = await testSecrets();
    using kit = parseKit(text);
    const core = await loadCore();
    const verified = await verifyBackup(
      { core, subtle: crypto.subtle },
      kit.ring,
      { kms: null, recoveryKeys: kit.recoveryKeys },
      memoryFile(bytes),
    );
    expect(Buffer.from(verified.stateDigest).toString("hex")).toBe(backup.stateDigest);
    expect(verified.location?.backupId).toBe(backup.backupId);
  });

  it("is not open to a caller without a signature", async () => {
    const answer = await fetch(new URL(`/v1/backups/${backup.backupId}/download`, edge.url));
    expect(answer.status).toBe(401);
  });
});

interface Key {
  id: string;
  key: string;
}

/** What a variable of keys holds, of whichever kind it is. */
interface Variable {
  name: string;
  readonly mkbk: [Key];
  readonly akbk: [Key];
  readonly keys: [Key];
}

/** A deployment that a backup is not from, and how it says so. */
interface Case {
  readonly name: string;
  readonly code: string;
  readonly text: RegExp;
  readonly variable: string;
  readonly change: (value: Variable) => void;
}

const ANOTHER = "Another Works";

/** A variable of this deployment, parsed, changed, as text again. */
async function changed(
  name: string,
  change: (value: Variable) => void,
): Promise<Record<string, string>> {
  const { bindings } = await testSecrets();
  const value = JSON.parse(bindings[name] ?? "null");
  change(value);
  return { [name]: JSON.stringify(value) };
}

const otherKey = () => randomBytes(32).toString("base64");
const otherId = () => randomBytes(16).toString("hex");

describe("a deployment with other keys", () => {
  const renew = (key: Key) => Object.assign(key, { id: otherId(), key: otherKey() });
  const forge = (key: Key) => Object.assign(key, { key: otherKey() });
  const cases: readonly Case[] = [
    {
      name: "another MKBK",
      code: "key_mismatch_mkbk",
      text: /MKBK/,
      variable: "MANUFACTURER",
      change: ({ mkbk }) => renew(mkbk[0]),
    },
    {
      name: "another AKBK",
      code: "key_mismatch_akbk",
      text: /AKBK/,
      variable: "OPERATOR",
      change: ({ akbk }) => renew(akbk[0]),
    },
    {
      name: "an AKBK of the right id with other bytes",
      code: "key_mismatch_pbk",
      text: /^The ids of the manufacturer's/,
      variable: "OPERATOR",
      change: ({ akbk }) => forge(akbk[0]),
    },
    {
      name: "an MKBK of the right id with other bytes",
      code: "key_mismatch_pbk",
      text: /^The ids of the manufacturer's/,
      variable: "MANUFACTURER",
      change: ({ mkbk }) => forge(mkbk[0]),
    },
    {
      name: "another manufacturer",
      code: "manufacturer_mismatch",
      text: /made by hardware of/,
      variable: "MANUFACTURER",
      change: (value) => {
        renew(value.mkbk[0]);
        value.name = ANOTHER;
      },
    },
    {
      name: "the keys of another manufacturer's name",
      code: "manufacturer_mismatch",
      text: /made by hardware of/,
      variable: "MANUFACTURER",
      change: (value) => {
        value.name = ANOTHER;
      },
    },
    {
      name: "another CMK",
      code: "key_mismatch_cmk",
      text: /KMS key/,
      variable: "LOCAL_KMS",
      change: ({ keys }) => renew(keys[0]),
    },
    {
      name: "a CMK of the right id with other bytes",
      code: "key_mismatch_cmk",
      text: /KMS key/,
      variable: "LOCAL_KMS",
      change: ({ keys }) => forge(keys[0]),
    },
  ];
  const messages = new Set<string>();

  it.each(cases)("refuses the backup under $name as $code", async (other) => {
    await edge.stop();
    edge = await startEdge({ persist, bindings: await changed(other.variable, other.change) });
    const answer = await rest(edge, "POST", `/v1/backups/${backup.backupId}/verify`, {});
    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe(other.code);
    expect(answer.body.error.message).toMatch(other.text);
    const client = await cloudHsm(edge);
    const refused = await refusal(createCluster(client, { SourceBackupId: backup.backupId }));
    expect(refused.name).toBe("CloudHsmInvalidRequestException");
    expect(refused.message).toBe(answer.body.error.message);
    messages.add(refused.message);
  });

  it("says something different each time", () => {
    // But not which of the PBK's two keys is wrong, and of another manufacturer's hardware no more.
    expect(messages.size).toBe(cases.length - 2);
  });

  it("still has everything when its own keys are back", async () => {
    await edge.stop();
    edge = await startEdge({ persist });
    const { stateDigest } = await ok(edge, "GET", `${cluster.path}/digest`);
    const verified = await ok(edge, "POST", `/v1/backups/${backup.backupId}/verify`, {});
    expect(verified.stateDigest).toBe(backup.stateDigest);
    expect(stateDigest).toBe(backup.stateDigest);
    const client = await cloudHsm(edge);
    const SourceBackupId = backup.backupId;
    expect(await createCluster(client, { SourceBackupId })).toMatch(/^cluster-/);
  });
});

/** As Miniflare's proxy takes bytes: it refuses a Buffer. */
const copy = (bytes: Uint8Array) => Uint8Array.from(bytes).buffer;

describe("objects that were changed in the bucket", () => {
  async function objects(): Promise<{
    bucket: Awaited<ReturnType<Edge["mf"]["getR2Bucket"]>>;
    body: string;
    envelope: string;
  }> {
    const bucket = await edge.mf.getR2Bucket("BACKUPS_US_EAST_1", WORKER_NAME);
    const { objects: all } = await bucket.list({ prefix: `clusters/${cluster.clusterId}/` });
    const names = all.map(({ key }) => key).filter((key) => key.includes(backup.backupId));
    const name = (part: string) => names.find((key) => key.includes(part)) ?? "";
    return { bucket, body: name("/body-"), envelope: name("/envelope-") };
  }

  it("are refused: a body that is not the one of the catalogue", async () => {
    const { bucket, body } = await objects();
    const bytes = Buffer.from(await (await bucket.get(body))!.arrayBuffer());
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    await bucket.put(body, copy(bytes));
    const answer = await rest(edge, "POST", `/v1/backups/${backup.backupId}/verify`, {});
    expect(answer.status).toBe(409);
    expect(answer.body.error.code).toBe("backup_object_missing");
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    await bucket.put(body, copy(bytes));
    await ok(edge, "POST", `/v1/backups/${backup.backupId}/verify`, {});
  });

  it("are refused: an envelope that is not the one of the catalogue", async () => {
    const { bucket, envelope } = await objects();
    const bytes = Buffer.from(await (await bucket.get(envelope))!.arrayBuffer());
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
    await bucket.put(envelope, copy(damaged));
    const answer = await rest(edge, "POST", `/v1/backups/${backup.backupId}/verify`, {});
    expect(answer.body.error.code).toBe("backup_object_missing");
    await bucket.put(envelope, copy(bytes));
    await ok(edge, "POST", `/v1/backups/${backup.backupId}/verify`, {});
  });
});
