/**
 * Backup and restore at the edge, over HTTP: what was in an HSM is in the next one, and nothing else.
 */
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Edge, startEdge } from "../../lib/mf.ts";
import {
  ALICE_PASSWORD,
  addHsm,
  backUp,
  login,
  ok,
  removeHsm,
  rest,
  type ServingCluster,
  servingCluster,
} from "../../lib/rest.ts";

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.stop());

const MESSAGE = Buffer.from("the message that is signed before and after");

describe("an HSM that is deleted and created anew", () => {
  let cluster: ServingCluster;
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const handles: Record<string, number> = {};
  let digestBefore: string;

  beforeAll(async () => {
    cluster = await servingCluster(edge);
    const { path, admin, alice } = cluster;
    const asAdmin = { session: admin };
    for (const username of ["bob", "mallory"]) {
      const user = { username, role: "CU", password: "some-password-1" };
      await ok(edge, "POST", `${path}/users`, user, asAdmin);
    }
    const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" });
    handles["imported"] = await importKey(
      { format: "pem", pem },
      { sign: true, extractable: false },
    );
    handles["shared"] = await importKey(
      { format: "raw", type: "aes", raw: Buffer.alloc(32, 7).toString("base64") },
      { encrypt: true, decrypt: true, extractable: true },
    );
    const shared = `${path}/keys/${handles["shared"]}`;
    await ok(edge, "POST", `${shared}/share`, { username: "bob" }, { session: alice });
    for (let i = 0; i < 6; i++) {
      const wrong = { username: "mallory", password: "not-the-password" };
      await rest(edge, "POST", `${path}/sessions`, wrong);
    }
    await backUp(edge, cluster); // Takes the count of wrong passwords into mallory's record.
    digestBefore = (await ok(edge, "GET", `${path}/digest`)).stateDigest;
    await removeHsm(cluster.client, cluster.clusterId);
    await addHsm(cluster.client, cluster.clusterId, 1);
  }, 120_000);

  async function importKey(material: unknown, attributes: object): Promise<number> {
    const { path, alice } = cluster;
    const body = { material, ...attributes };
    return (await ok(edge, "POST", `${path}/keys`, body, { session: alice })).handle;
  }

  it("has the same state digest", async () => {
    const { stateDigest } = await ok(edge, "GET", `${cluster.path}/digest`);
    expect(stateDigest).toBe(digestBefore);
  });

  it("ends every session of before", async () => {
    const { path, alice } = cluster;
    const answer = await rest(edge, "GET", `${path}/users`, undefined, { session: alice });
    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe("session_invalid");
  });

  it("signs with the imported key so that the original public key verifies", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const body = { mechanism: "ecdsa-sha256", message: MESSAGE.toString("base64") };
    const key = `${path}/keys/${handles["imported"]}`;
    const { signature } = await ok(edge, "POST", `${key}/sign`, body, { session });
    const spki = pair.publicKey.export({ type: "spki", format: "der" });
    const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
    const raw = Buffer.from(signature, "base64");
    const holds = verify("sha256", MESSAGE, { key: publicKey, dsaEncoding: "ieee-p1363" }, raw);
    expect(holds).toBe(true);
  });

  it("keeps a key that is not extractable from leaving", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    const key = `${path}/keys/${handles["imported"]}`;
    const answer = await rest(edge, "POST", `${key}/export`, { format: "pkcs8" }, { session });
    expect(answer.status).toBe(403);
    expect(answer.body.error.code).toBe("key_not_extractable");
  });

  it("keeps owner and sharing", async () => {
    const { path } = cluster;
    const session = await login(edge, path, "bob", "some-password-1");
    const key = `${path}/keys/${handles["shared"]}`;
    const described = await ok(edge, "GET", key, undefined, { session });
    expect(described).toMatchObject({ owner: "alice", sharedWith: ["bob"] });
    const body = { mechanism: "aes-gcm", plaintext: "AAAA" };
    await ok(edge, "POST", `${key}/encrypt`, body, { session });
    const answer = await rest(edge, "POST", `${key}/export`, { format: "raw" }, { session });
    expect(answer.body.error.code).toBe("key_not_owned");
  });

  it("keeps a locked user locked", async () => {
    const body = { username: "mallory", password: "some-password-1" };
    const answer = await rest(edge, "POST", `${cluster.path}/sessions`, body);
    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe("login_failed");
  });

  it("goes on with the chain of backups", async () => {
    const row = await backUp(edge, cluster);
    expect(row).toMatchObject({ state: "READY", failure: null, restorableOffline: "unproven" });
    expect(row.chainNumber).toBeGreaterThan(2);
    expect(row.previousDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(row.stateDigest).toBe((await ok(edge, "GET", `${cluster.path}/digest`)).stateDigest);
  });
});
