/**
 * The data plane over HTTP: sessions, users, keys and their use, certificates, policies, refusals.
 */
import { createHash, createHmac, generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testAuthority } from "../../lib/authority.ts";
import { clusterInState, createCluster } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";
import {
  ADMIN_PASSWORD,
  ALICE_PASSWORD,
  addHsm,
  backUp,
  login,
  ok,
  rest,
  type ServingCluster,
} from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let edge: Edge;
let cluster: ServingCluster;
beforeAll(async () => {
  ({ edge, cluster } = await servingEdge());
});
afterAll(() => edge.stop());

const base64 = (text: string) => Buffer.from(text).toString("base64");

function asAlice(method: string, path: string, body?: unknown) {
  return ok(edge, method, `${cluster.path}${path}`, body, { session: cluster.alice });
}

async function refusedAsAlice(method: string, path: string, body?: unknown) {
  const options = { session: cluster.alice };
  const { status, body: answer } = await rest(
    edge,
    method,
    `${cluster.path}${path}`,
    body,
    options,
  );
  return { status, code: answer.error.code };
}

describe("requests", () => {
  it("are refused without a session, with an unknown one, and after logging out", async () => {
    const { path } = cluster;
    for (const session of [undefined, "unknown"]) {
      const options = session === undefined ? {} : { session };
      const answer = await rest(edge, "GET", `${path}/users`, undefined, options);
      expect([answer.status, answer.body.error.code]).toEqual([401, "session_invalid"]);
    }
    const session = await login(edge, path, "alice", ALICE_PASSWORD);
    await ok(edge, "DELETE", `${path}/sessions/current`, undefined, { session });
    const after = await rest(edge, "GET", `${path}/sessions/current`, undefined, { session });
    expect(after.status).toBe(401);
  });

  it("are refused to a role that only reads, unless they read", async () => {
    const options = { role: "auditor" as const };
    const { path } = cluster;
    const denied = await rest(edge, "POST", `${path}/backups`, {}, options);
    expect([denied.status, denied.body.error.code]).toEqual([403, "role_insufficient"]);
    const allowed = await rest(edge, "GET", `${path}/digest`, undefined, options);
    expect(allowed.status).toBe(200);
  });

  it("find no cluster of another region", async () => {
    const answer = await rest(edge, "GET", `${cluster.path}/digest`, undefined, {
      region: "eu-west-1",
    });
    expect(answer.status).toBe(404);
  });

  it("are refused with the place that is malformed", async () => {
    const body = { mechanism: "rot13", message: "AAAA" };
    const options = { session: cluster.alice };
    const answer = await rest(edge, "POST", `${cluster.path}/keys/1/sign`, body, options);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain("mechanism");
  });

  it("are refused when their body is too large, or not JSON", async () => {
    const body = { pem: "x".repeat(1_100_000) };
    const options = { session: cluster.alice };
    const large = await rest(edge, "POST", `${cluster.path}/certificates`, body, options);
    expect([large.status, large.body.error.code]).toEqual([413, "body_too_large"]);
  });
});

describe("users", () => {
  it("are created by a CO only, and delete themselves from the list", async () => {
    const { path, admin } = cluster;
    const user = { username: "carol", role: "CU", password: "carol-password" };
    expect(await refusedAsAlice("POST", "/users", user)).toEqual({
      status: 403,
      code: "not_permitted",
    });
    await ok(edge, "POST", `${path}/users`, user, { session: admin });
    const listed = await ok(edge, "GET", `${path}/users`, undefined, { session: admin });
    const names = listed.users.map((row: { username: string }) => row.username);
    expect(names).toEqual(["admin", "app_user", "alice", "carol"]);
    await ok(edge, "DELETE", `${path}/users/carol`, undefined, { session: admin });
  });

  it("are locked by wrong passwords and unlocked by a CO's new one", async () => {
    const { path, admin } = cluster;
    const user = { username: "dave", role: "CU", password: "dave-password" };
    await ok(edge, "POST", `${path}/users`, user, { session: admin });
    const wrong = { username: "dave", password: "wrong-password" };
    for (let i = 0; i < 6; i++) await rest(edge, "POST", `${path}/sessions`, wrong);
    const { status, body } = await rest(edge, "POST", `${path}/sessions`, user);
    expect([status, body.error.code]).toEqual([401, "login_failed"]);
    const shownTo = async (session: string) => {
      const { users } = await ok(edge, "GET", `${path}/users`, undefined, { session });
      return users.find(({ username }: { username: string }) => username === "dave");
    };
    expect(await shownTo(admin)).toMatchObject({ locked: true, failures: 7 });
    expect(await shownTo(cluster.alice)).toMatchObject({ locked: false, failures: 0 });
    const password = "dave-password-2";
    await ok(edge, "PUT", `${path}/users/dave/password`, { password }, { session: admin });
    await login(edge, path, "dave", password);
  });

  it("have names and passwords that are what they seem", async () => {
    const { path, admin } = cluster;
    const asAdmin = { session: admin };
    const user = { username: "erin", role: "CU", password: "erin-password" };
    for (const [change, code] of [
      [{ username: "er\u200bin" }, "username_invalid"],
      [{ password: "erin\0password" }, "password_invalid"],
      [{ password: "erin\u0085password" }, "password_invalid"],
    ] as const) {
      const answer = await rest(edge, "POST", `${path}/users`, { ...user, ...change }, asAdmin);
      expect([answer.status, answer.body.error.code]).toEqual([400, code]);
    }
    await ok(edge, "POST", `${path}/users`, user, asAdmin);
    const wrong = { username: "erin", password: "erin-password\0" };
    const refused = await rest(edge, "POST", `${path}/sessions`, wrong);
    expect([refused.status, refused.body.error.code]).toEqual([401, "login_failed"]);
    const { users } = await ok(edge, "GET", `${path}/users`, undefined, asAdmin);
    expect(users).toContainEqual(expect.objectContaining({ username: "erin", failures: 1 }));
    const strange = encodeURIComponent("\u202eerin");
    const absent = await rest(edge, "DELETE", `${path}/users/${strange}`, undefined, asAdmin);
    expect(absent.status).toBe(404);
    expect(absent.body.error.message).toContain('"⟨U+202E⟩erin"');
    await ok(edge, "DELETE", `${path}/users/erin`, undefined, asAdmin);
  });

  it("come in bulk with the verifiers of their passwords", async () => {
    const { path, admin } = cluster;
    const verifier = {
      salt: Buffer.alloc(16, 1).toString("base64"),
      calls: 6,
      roundsPerCall: 100_000,
      digest: Buffer.alloc(32, 2).toString("base64"),
    };
    const users = [1, 2, 3].map((i) => ({ username: `bulk_${i}`, role: "CU", verifier }));
    const made = await ok(edge, "POST", `${path}/users:import`, { users }, { session: admin });
    expect(made.users).toHaveLength(3);
    const answer = await rest(edge, "POST", `${path}/users:import`, { users }, { session: admin });
    expect([answer.status, answer.body.error.code]).toEqual([409, "batch_item"]);
  });

  it("cannot be activated twice", async () => {
    const passwords = { password: ADMIN_PASSWORD, newPassword: "another-password" };
    const answer = await rest(edge, "POST", `${cluster.path}/activate`, passwords);
    expect([answer.status, answer.body.error.code]).toEqual([409, "already_activated"]);
  });
});

describe("keys", () => {
  it("are generated, listed by page, changed, and deleted", async () => {
    const order = { type: "aes", sizeBits: 256, encrypt: true, decrypt: true, label: "paged" };
    const made = [];
    for (let i = 0; i < 3; i++) made.push(await asAlice("POST", "/keys:generate", order));
    const first = await asAlice("GET", "/keys?label=paged&limit=2");
    expect(first.keys).toHaveLength(2);
    const second = await asAlice("GET", `/keys?label=paged&limit=2&after=${first.next}`);
    expect(second).toMatchObject({ next: null, keys: [{ handle: made[2]?.handle }] });
    const path = `/keys/${made[0]?.handle}`;
    const changed = await asAlice("PATCH", path, { label: "renamed" });
    expect(changed.label).toBe("renamed");
    expect(await refusedAsAlice("PATCH", path, { trusted: true })).toMatchObject({ status: 400 });
    for (const { handle } of made) await asAlice("DELETE", `/keys/${handle}`);
    expect(await refusedAsAlice("GET", path)).toEqual({ status: 404, code: "key_not_found" });
  });

  it("have labels on one line, in any script", async () => {
    const order = { type: "aes", sizeBits: 256 };
    for (const label of ["two\nlines", "nul\0", "\u009b"]) {
      const refused = { status: 400, code: "attribute_refused" };
      expect(await refusedAsAlice("POST", "/keys:generate", { ...order, label })).toEqual(refused);
    }
    const label = "fdp.\u202eeciovni";
    const { handle } = await asAlice("POST", "/keys:generate", { ...order, label });
    expect((await asAlice("GET", `/keys/${handle}`)).label).toBe(label);
    await asAlice("DELETE", `/keys/${handle}`);
  });

  it("encrypt and decrypt, and authenticate what goes with it", async () => {
    const order = { type: "aes", sizeBits: 256, encrypt: true, decrypt: true };
    const { handle } = await asAlice("POST", "/keys:generate", order);
    const mechanism = "aes-gcm";
    const body = { mechanism, plaintext: base64("a secret"), aad: base64("about it") };
    const { iv, ciphertext } = await asAlice("POST", `/keys/${handle}/encrypt`, body);
    const order2 = { mechanism, iv, ciphertext, aad: base64("about it") };
    const { plaintext } = await asAlice("POST", `/keys/${handle}/decrypt`, order2);
    expect(Buffer.from(plaintext, "base64").toString()).toBe("a secret");
    const other = { ...order2, aad: base64("about something else") };
    expect(await refusedAsAlice("POST", `/keys/${handle}/decrypt`, other)).toEqual({
      status: 400,
      code: "decryption_failed",
    });
  });

  it("compute MACs that others verify", async () => {
    const raw = Buffer.alloc(32, 9);
    const { handle } = await asAlice("POST", "/keys", {
      material: { format: "raw", type: "generic-secret", raw: raw.toString("base64") },
      sign: true,
      verify: true,
    });
    const body = { mechanism: "hmac-sha256", message: base64("message") };
    const { signature } = await asAlice("POST", `/keys/${handle}/sign`, body);
    expect(signature).toBe(createHmac("sha256", raw).update("message").digest("base64"));
    const verified = await asAlice("POST", `/keys/${handle}/verify`, { ...body, signature });
    expect(verified).toEqual({ valid: true });
  });

  it("come in as JWK and in bulk, all or none", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const jwk = privateKey.export({ format: "jwk" });
    const keys = [
      { material: { format: "jwk", jwk }, sign: true, label: "jwk" },
      { material: { format: "raw", type: "aes", raw: Buffer.alloc(16, 1).toString("base64") } },
    ];
    const { handles } = await asAlice("POST", "/keys:import", { keys });
    expect(handles).toHaveLength(2);
    const before = await asAlice("GET", "/keys");
    const raw = { format: "raw", type: "aes", raw: Buffer.alloc(17).toString("base64") };
    const broken = { keys: [keys[0], { material: raw }] };
    expect(await refusedAsAlice("POST", "/keys:import", broken)).toMatchObject({ status: 400 });
    const after = await asAlice("GET", "/keys");
    expect(after.keys).toHaveLength(before.keys.length);
  });

  it("leave wrapped under another key and come back", async () => {
    const kek = { type: "aes", sizeBits: 256, wrap: true, unwrap: true };
    const { handle: wrappingHandle } = await asAlice("POST", "/keys:generate", kek);
    const order = { type: "aes", sizeBits: 192, encrypt: true };
    const key = await asAlice("POST", "/keys:generate", order);
    const mechanism = "aes-kwp";
    const path = `/keys/${key.handle}/wrap`;
    const { wrapped } = await asAlice("POST", path, { wrappingHandle, mechanism });
    const unwrap = { mechanism, wrapped, type: "aes", encrypt: true };
    const back = await asAlice("POST", `/keys/${wrappingHandle}/unwrap`, unwrap);
    expect(back.checkValue).toBe(key.checkValue);
  });

  it("that ask for a trusted key stay in, also in a cluster from a backup of before", async () => {
    const kek = { type: "aes", sizeBits: 256, wrap: true, unwrap: true, extractable: false };
    const { handle: wrappingHandle } = await asAlice("POST", "/keys:generate", kek);
    const { backupId } = await backUp(edge, cluster);
    const trust = { trusted: true };
    const admin = { session: cluster.admin };
    await ok(edge, "PATCH", `${cluster.path}/keys/${wrappingHandle}`, trust, admin);
    const raw = Buffer.alloc(32, 7).toString("base64");
    const material = { format: "raw", type: "aes", raw };
    const key = await asAlice("POST", "/keys", { material, wrapWithTrusted: true });
    const mechanism = "aes-kw";
    const path = `/keys/${key.handle}/wrap`;
    const { wrapped } = await asAlice("POST", path, { wrappingHandle, mechanism });
    const clusterId = await createCluster(cluster.client, { SourceBackupId: backupId });
    await clusterInState(cluster.client, clusterId, "ACTIVE");
    await addHsm(cluster.client, clusterId, 1);
    const restored = `/v1/clusters/${clusterId}`;
    const clusters = [
      [cluster.path, cluster.alice],
      [restored, await login(edge, restored, "alice", ALICE_PASSWORD)],
    ] as const;
    for (const [at, session] of clusters) {
      const unwrap = `${at}/keys/${wrappingHandle}/unwrap`;
      const order = { mechanism, wrapped, type: "aes" };
      const bare = { ...order, wrapWithTrusted: false };
      expect(await rest(edge, "POST", unwrap, bare, { session })).toMatchObject({
        status: 400,
        body: { error: { code: "attribute_refused" } },
      });
      const back = await ok(edge, "POST", unwrap, order, { session });
      expect(back.attributes).toMatchObject({ sensitive: true, wrapWithTrusted: true });
      const leave = `${at}/keys/${back.handle}/export`;
      expect(await rest(edge, "POST", leave, { format: "raw" }, { session })).toMatchObject({
        body: { error: { code: "key_not_extractable" } },
      });
    }
  });
});

describe("certificates, policies and digests", () => {
  it("take a bundle and list it", async () => {
    const first = await testAuthority();
    const second = await testAuthority({ place: 1 });
    const made = await asAlice("POST", "/certificates", { pem: `${first.pem}\n${second.pem}` });
    expect(made.certificates).toHaveLength(2);
    await asAlice("DELETE", `/certificates/${made.certificates[0]?.id}`);
    expect((await asAlice("GET", "/certificates")).certificates).toHaveLength(1);
    expect(await refusedAsAlice("POST", "/certificates", { pem: "nonsense" })).toMatchObject({
      status: 400,
    });
  });

  it("change policies for a CO only", async () => {
    const { path, admin } = cluster;
    const change = { minPasswordCharacters: 10 };
    expect(await refusedAsAlice("PATCH", "/policies", change)).toMatchObject({ status: 403 });
    await ok(edge, "PATCH", `${path}/policies`, change, { session: admin });
    const policies = await ok(edge, "GET", `${path}/policies`);
    expect(policies.minPasswordCharacters).toBe(10);
  });

  it("digest messages, and say what the HSM is", async () => {
    const body = { algorithm: "sha256", message: base64("message") };
    const { digest } = await asAlice("POST", "/message-digests", body);
    expect(digest).toBe(createHash("sha256").update("message").digest("hex"));
    const configuration = await asAlice("GET", "/configuration");
    expect(configuration).toMatchObject({ hsmType: "hsm2m.medium", activated: true });
  });
});
