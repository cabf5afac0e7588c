import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { deriveVerifier, type PasswordVerifier } from "../../../src/hsm/access/passwords.ts";
import type { UserImport } from "../../../src/hsm/access/user-import.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { MAX_IMPORT_BATCH, MAX_USERS } from "../../../src/hsm/rules/limits.ts";
import { activeHsm, blankHsm, CHEAP, codeOf, faultOf, newHsm, passwordOf } from "../../lib/hsm.ts";

const LEAF = readFileSync(new URL("../certificates/leaf.pem", import.meta.url), "utf8");

async function verifier(password = "imported-password"): Promise<PasswordVerifier> {
  const salt = new Uint8Array(16).fill(1);
  const digest = await deriveVerifier(globalThis.crypto.subtle, password, salt, CHEAP);
  return { salt, cost: CHEAP, digest };
}

describe("manufacture", () => {
  it("makes PRECO and the appliance user", async () => {
    const { hsm, store } = await newHsm();
    expect(store.count(RECORD_TYPE.user)).toBe(2);
    expect(hsm.getConfiguration()).toMatchObject({ hsmType: "hsm2m.medium", mode: "FIPS" });
  });

  it("makes no PRECO for an HSM that a restore will fill", async () => {
    const { hsm, store } = await blankHsm();
    await hsm.manufacture({ hsmType: "hsm1.medium", mode: "NON_FIPS", preCoPassword: null });
    expect(store.find(RECORD_TYPE.user, "admin")).toBeNull();
    expect(store.find(RECORD_TYPE.user, "app_user")).not.toBeNull();
  });

  it("happens once", async () => {
    const { hsm } = await newHsm();
    const again = () =>
      hsm.manufacture({ hsmType: "hsm1.medium", mode: "FIPS", preCoPassword: null });
    expect(await codeOf(again)).toBe("already_manufactured");
  });

  it("is missing from a blank HSM, which says so", async () => {
    const { hsm } = await blankHsm();
    expect(await codeOf(() => hsm.getConfiguration())).toBe("not_manufactured");
    expect(await codeOf(() => hsm.login("admin", "password"))).toBe("not_manufactured");
  });
});

describe("initialisation", () => {
  it("takes the cluster certificate once, and the same one again", async () => {
    const { hsm } = await newHsm();
    hsm.initialize("certificate", "anchor");
    expect(hsm.initialize("certificate", "anchor").clusterCertificatePem).toBe("certificate");
    expect(await codeOf(() => hsm.initialize("other", "anchor"))).toBe("already_initialized");
  });
});

describe("users", () => {
  it.each([
    ["", "username_invalid"],
    ["a".repeat(32), "username_invalid"],
    ["with space", "username_invalid"],
    ["dot.ted", "username_invalid"],
    ["nul\0", "username_invalid"],
    ["line\n", "username_invalid"],
    ["\u202eadmin", "username_invalid"],
    ["\ud800", "username_invalid"],
    ["ALICE", "user_exists"],
    ["admin", "user_exists"],
  ])("refuses the name %j", async (username, code) => {
    const { hsm, admin } = await activeHsm();
    const create = () => hsm.createUser(admin, { username, role: "CU", password: "a-password" });
    expect(await codeOf(create)).toBe(code);
  });

  it("are not met by a sign that is no letter of their names", async () => {
    const { hsm, admin } = await activeHsm();
    const password = "kevin-password";
    await hsm.createUser(admin, { username: "kevin", role: "CU", password });
    expect(await codeOf(() => hsm.login("\u212aevin", password))).toBe("login_failed");
    expect((await hsm.login("KEVIN", password)).user.username).toBe("kevin");
  });

  it("names the user who has the name already as it is stored", async () => {
    const { hsm, admin } = await activeHsm();
    const request = { username: "ALICE", role: "CU", password: "a-password" } as const;
    expect(await faultOf(() => hsm.createUser(admin, request))).toEqual({
      code: "user_exists",
      username: "alice",
    });
  });

  it("takes a name of 31 characters and stores it low", async () => {
    const { hsm, admin } = await activeHsm();
    const username = `A_${"b".repeat(29)}`;
    const made = await hsm.createUser(admin, { username, role: "CO", password: "a-password" });
    expect(made.username).toBe(username.toLowerCase());
  });

  it("refuses roles that an admin does not give out", async () => {
    const { hsm, admin } = await activeHsm();
    const fault = await faultOf(() =>
      hsm.createUser(admin, { username: "x", role: "AU" as "CU", password: "a-password" }),
    );
    expect(fault).toEqual({ code: "role_invalid", got: "AU" });
  });

  it("sets one's own password and ends one's other sessions", async () => {
    const { hsm, alice } = await activeHsm();
    const second = (await hsm.login("alice", passwordOf("alice"))).token;
    await hsm.changePassword(alice, "alice", "a-new-password");
    expect(hsm.whoAmI(alice).username).toBe("alice");
    expect(await codeOf(() => hsm.whoAmI(second))).toBe("session_invalid");
    expect(await codeOf(() => hsm.login("alice", passwordOf("alice")))).toBe("login_failed");
    await hsm.login("alice", "a-new-password");
  });

  it("keeps role and activation as they are when a password is changed", async () => {
    const { hsm, clock, admin, alice } = await activeHsm();
    const before = hsm.listUsers(admin).map(({ username, role }) => [username, role]);
    const configuration = hsm.getConfiguration();
    expect(configuration).toMatchObject({ activated: true, activatedAtMs: clock.nowMs });
    clock.nowMs += 5_000;
    await hsm.changePassword(alice, "alice", "a-new-password");
    await hsm.changePassword(admin, "bob", "b-new-password");
    await hsm.changePassword(admin, "admin", "c-new-password");
    expect(hsm.listUsers(admin).map(({ username, role }) => [username, role])).toEqual(before);
    expect(hsm.getConfiguration()).toEqual(configuration);
  });

  it("keeps the password rules of the policy", async () => {
    const { hsm, admin, alice } = await activeHsm();
    hsm.setPolicies(admin, { minPasswordCharacters: 12, maxPasswordCharacters: 14 });
    const set = (password: string) => () => hsm.changePassword(alice, "alice", password);
    expect(await faultOf(set("x".repeat(11)))).toEqual({
      code: "password_invalid",
      min: 12,
      max: 14,
    });
    expect(await codeOf(set("x".repeat(15)))).toBe("password_invalid");
    await set("x".repeat(14))();
  });

  it("protects oneself and the appliance user from deletion", async () => {
    const { hsm, admin } = await activeHsm();
    expect(await faultOf(() => hsm.deleteUser(admin, "admin"))).toEqual({
      code: "user_protected",
      username: "admin",
      why: "nobody deletes oneself",
    });
    expect(await faultOf(() => hsm.deleteUser(admin, "app_user"))).toEqual({
      code: "user_protected",
      username: "app_user",
      why: "the service needs it",
    });
    expect(await codeOf(() => hsm.deleteUser(admin, "nobody"))).toBe("user_not_found");
  });

  it("does not delete a user who owns keys", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, { type: "aes", sizeBits: 256 });
    expect(await faultOf(() => hsm.deleteUser(admin, "alice"))).toMatchObject({
      code: "user_owns_objects",
      keys: 1,
      certificates: 0,
    });
    hsm.deleteKey(alice, handle);
    hsm.deleteUser(admin, "alice");
    expect(await codeOf(() => hsm.whoAmI(alice))).toBe("session_invalid");
  });

  it("does not delete a user who owns a certificate", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const [leaf] = await hsm.importCertificates(alice, LEAF);
    expect(await faultOf(() => hsm.deleteUser(admin, "alice"))).toMatchObject({
      code: "user_owns_objects",
      keys: 0,
      certificates: 1,
    });
    hsm.deleteCertificate(alice, leaf!.id);
    hsm.deleteUser(admin, "alice");
  });

  it("takes a deleted user out of the sharing of keys", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, { type: "aes", sizeBits: 256 });
    hsm.shareKey(alice, handle, "bob");
    hsm.deleteUser(admin, "bob");
    expect(hsm.describeKey(alice, handle).sharedWith).toEqual([]);
  });
});

describe("the import of users", () => {
  it("takes verifiers, and the password opens", async () => {
    const { hsm, admin } = await activeHsm();
    const [made] = hsm.importUsers(admin, [
      { username: "Carol", role: "CU", verifier: await verifier() },
    ]);
    expect(made).toMatchObject({ username: "carol", role: "CU" });
    await hsm.login("carol", "imported-password");
  });

  it("takes all or none, and names the item", async () => {
    const { hsm, admin } = await activeHsm();
    const before = hsm.listUsers(admin).length;
    const held = await verifier();
    const fault = await faultOf(() =>
      hsm.importUsers(admin, [
        { username: "carol", role: "CU", verifier: held },
        { username: "Carol", role: "CU", verifier: held },
      ]),
    );
    expect(fault).toMatchObject({ code: "batch_item", index: 1, cause: { code: "user_exists" } });
    expect(hsm.listUsers(admin)).toHaveLength(before);
  });

  it.each<[string, (held: PasswordVerifier) => PasswordVerifier]>([
    ["too few rounds", (held) => ({ ...held, cost: { calls: 2, roundsPerCall: 9 } })],
    ["too many rounds", (held) => ({ ...held, cost: { calls: 2, roundsPerCall: 11 } })],
    ["too many calls", (held) => ({ ...held, cost: { calls: 3, roundsPerCall: 10 } })],
    ["as much work in other calls", (held) => ({ ...held, cost: { calls: 1, roundsPerCall: 20 } })],
    ["a short salt", (held) => ({ ...held, salt: new Uint8Array(15) })],
    ["a short digest", (held) => ({ ...held, digest: new SecretKey(new Uint8Array(31)) })],
  ])("refuses a verifier with %s", async (_, change) => {
    const { hsm, admin } = await activeHsm();
    const item: UserImport = { username: "c", role: "CU", verifier: change(await verifier()) };
    expect(await faultOf(() => hsm.importUsers(admin, [item]))).toMatchObject({
      cause: { code: "verifier_invalid" },
    });
  });

  it("fills the HSM to 1,024 users and refuses one more", async () => {
    const { hsm, admin, store } = await activeHsm();
    const held = await verifier();
    const users = (count: number, prefix: string): UserImport[] =>
      Array.from({ length: count }, (_, i) => ({
        username: `${prefix}_${i}`,
        role: "CU",
        verifier: held,
      }));
    const room = MAX_USERS - store.count(RECORD_TYPE.user);
    hsm.importUsers(admin, users(MAX_IMPORT_BATCH, "a"));
    hsm.importUsers(admin, users(MAX_IMPORT_BATCH, "b"));
    hsm.importUsers(admin, users(room - 2 * MAX_IMPORT_BATCH, "c"));
    expect(store.count(RECORD_TYPE.user)).toBe(1_024);
    const one = () => hsm.createUser(admin, { username: "d", role: "CU", password: "a-password" });
    expect(await codeOf(one)).toBe("user_limit");
  });

  it("refuses a batch of more than 500", async () => {
    const { hsm, admin } = await activeHsm();
    const held = await verifier();
    const item: UserImport = { username: "x", role: "CU", verifier: held };
    const many = Array.from({ length: MAX_IMPORT_BATCH + 1 }, () => item);
    expect(await codeOf(() => hsm.importUsers(admin, many))).toBe("batch_limit");
  });
});
