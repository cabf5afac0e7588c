import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateSecrets } from "../../../scripts/edge/dev-secrets.ts";
import { activeCluster, cloudHsm, rawCall, SUBNET } from "../../lib/aws.ts";
import { startEdge, testSecrets } from "../../lib/mf.ts";

const KEY_BYTES = 32;

let persist: string;
let backupId: string;
beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-foreign-"));
  const edge = await startEdge({ persist });
  ({ backupId } = await activeCluster(edge, await cloudHsm(edge)));
  await edge.stop();
});
afterAll(() => rm(persist, { recursive: true, force: true }));

/** CreateCluster from the backup on the same rows and objects, with other secrets. */
async function createUnder(bindings: Record<string, string>) {
  const edge = await startEdge({ persist, bindings });
  try {
    const order = { HsmType: "hsm2m.medium", Mode: "FIPS", SubnetIds: [SUBNET] };
    const { body } = await rawCall(edge, "CreateCluster", { ...order, SourceBackupId: backupId });
    return body;
  } finally {
    await edge.stop();
  }
}

let others: ReturnType<typeof generateSecrets> | undefined;

/** One variable of another deployment. */
async function foreign(name: string): Promise<Record<string, string>> {
  others ??= generateSecrets();
  return { [name]: (await others).bindings[name] ?? "" };
}

/** The same ids and versions, but not the same secret: only cryptography can tell. */
async function impostor(name: string, list: "mkbk" | "akbk"): Promise<Record<string, string>> {
  const ring = JSON.parse((await testSecrets()).bindings[name] ?? "");
  ring[list][0].key = Buffer.alloc(KEY_BYTES, 7).toString("base64");
  return { [name]: JSON.stringify(ring) };
}

async function renamed(): Promise<Record<string, string>> {
  const ring = JSON.parse((await testSecrets()).bindings["MANUFACTURER"] ?? "");
  return { MANUFACTURER: JSON.stringify({ ...ring, name: "Another Works" }) };
}

describe("a cluster from a backup of other hands", () => {
  it("is refused, with a text of its own for each kind of hand", async () => {
    const answers = {
      manufacturer: await createUnder(await renamed()),
      mkbk: await createUnder(await foreign("MANUFACTURER")),
      akbk: await createUnder(await foreign("OPERATOR")),
      secret: await createUnder(await impostor("OPERATOR", "akbk")),
      cmk: await createUnder(await foreign("LOCAL_KMS")),
    };
    const types = Object.values(answers).map((body) => body.__type);
    expect(types).toEqual(Array(5).fill("CloudHsmInvalidRequestException"));
    const messages = Object.values(answers).map((body) => body.Message);
    expect(new Set(messages).size).toBe(5);
    expect(answers.manufacturer.Message).toContain("made by hardware of");
    expect(answers.mkbk.Message).toMatch(/MKBK|manufacturer/i);
    expect(answers.akbk.Message).toMatch(/AKBK|operator/i);
    expect(answers.cmk.Message).toMatch(/CMK|KMS/i);
  });

  it("is refused where the ids are right and the manufacturer's secret is not", async () => {
    const body = await createUnder(await impostor("MANUFACTURER", "mkbk"));
    expect(body.__type).toBe("CloudHsmInvalidRequestException");
  });

  it("is made under the keys it was made for", async () => {
    expect((await createUnder({})).Cluster.SourceBackupId).toBe(backupId);
  });
});
