/** Whether anybody still holds a recovery key: challenges and their answers. FORMAT.md §7.5. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateSecrets } from "../../../scripts/edge/dev-secrets.ts";
import { answerTo } from "../../../scripts/recovery/answer.ts";
import { type Edge, testSecrets } from "../../lib/mf.ts";
import { backUp, ok, rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

const KEYS = "/v1/recovery-keys";
const other = await generateSecrets();
const { kit } = await testSecrets();

let edge: Edge;
let cluster: ServingCluster;
let keyId: string;

beforeAll(async () => {
  ({ edge, cluster } = await servingEdge());
  keyId = (await keys())[0]?.keyId ?? "";
});
afterAll(() => edge?.stop());

const keys = async () => (await ok(edge, "GET", KEYS)).recoveryKeys;
const challenge = () => ok(edge, "POST", `${KEYS}/${keyId}/challenges`);
const prove = (body: unknown) => rest(edge, "POST", `${KEYS}/${keyId}/proofs`, body);
const offline = async (backupId: string) =>
  (await ok(edge, "GET", `/v1/backups/${backupId}`)).restorableOffline;

describe("a recovery key that was retired", () => {
  it("is listed as such, is still challenged, and checks what it was sealed for", async () => {
    const { bindings, kit: old } = other;
    const rotated = await servingEdge({
      bindings: { RETIRED_RECOVERY_KEYS: bindings["RECOVERY_PUBLIC_KEY"] ?? "" },
    });
    try {
      const listed = (await ok(rotated.edge, "GET", KEYS)).recoveryKeys;
      expect(listed.map(({ state }) => state)).toEqual(["active", "retired"]);
      const { keyId: retired = "" } = listed[1] ?? {};
      const path = `${KEYS}/${retired}`;
      const made = await ok(rotated.edge, "POST", `${path}/challenges`);
      const answer = await answerTo(JSON.stringify(made), old);
      const proof = { challengeId: made.challengeId, answer };
      expect((await rest(rotated.edge, "POST", `${path}/proofs`, proof)).status).toBe(201);
      const { backupId } = await backUp(rotated.edge, rotated.cluster);
      const verified = await ok(rotated.edge, "POST", `/v1/backups/${backupId}/verify`);
      expect(verified.recoveryKeys).toEqual([{ keyId: listed[0]?.keyId, fits: true }]);
    } finally {
      await rotated.edge.stop();
    }
  });
});

describe("a recovery key", () => {
  it("is unproven, and its backups with it, until a challenge for it was answered", async () => {
    expect(await keys()).toEqual([{ keyId, kind: "hybrid", state: "active", provenAt: null }]);
    const { backupId } = await backUp(edge, cluster);
    expect(await offline(backupId)).toBe("unproven");

    const made = await challenge();
    expect(made).toMatchObject({ format: "holdfast-recovery-challenge/1", kind: "hybrid", keyId });
    const { challengeId } = made;
    const answer = await answerTo(JSON.stringify(made), kit);
    const wrong = await prove({ challengeId, answer: "0".repeat(32) });
    expect([wrong.status, wrong.body.error.code]).toEqual([400, "answer_wrong"]);
    expect(await offline(backupId)).toBe("unproven");

    const proven = await prove({ challengeId, answer });
    expect(proven.status).toBe(201);
    expect(Date.parse(proven.body.provenAt)).toBeGreaterThan(0);
    expect(await keys()).toEqual([
      { keyId, kind: "hybrid", state: "active", provenAt: proven.body.provenAt },
    ]);
    expect(await offline(backupId)).toBe("yes");
  });

  it("stays proven while a new challenge waits, of which the newest alone counts, and once", async () => {
    const [first, second] = [await challenge(), await challenge()];
    expect((await keys())[0]?.provenAt).not.toBeNull();
    for (const [made, status] of [
      [first, 409],
      [second, 201],
      [second, 409],
    ] as const) {
      const answer = await answerTo(JSON.stringify(made), kit);
      const given = await prove({ challengeId: made.challengeId, answer });
      expect(given.status).toBe(status);
    }
  });

  it("is not answered by another kit, and none is there under another id", async () => {
    const made = await challenge();
    await expect(answerTo(JSON.stringify(made), other.kit)).rejects.toMatchObject({
      code: "challenge_key_absent",
    });
    const absent = await rest(edge, "POST", `${KEYS}/${"0".repeat(32)}/challenges`);
    expect([absent.status, absent.body.error.code]).toEqual([404, "recovery_key_not_found"]);
  });

  it("is challenged by those who may change something, and listed for everybody", async () => {
    const auditor = { role: "auditor" as const };
    expect((await rest(edge, "GET", KEYS, undefined, auditor)).status).toBe(200);
    const asked = await rest(edge, "POST", `${KEYS}/${keyId}/challenges`, undefined, auditor);
    expect(asked.status).toBe(403);
  });
});
