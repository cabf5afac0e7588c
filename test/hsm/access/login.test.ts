import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Subtle } from "../../../src/crypto/web-crypto.ts";
import { Hsm } from "../../../src/hsm/hsm.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import {
  APPLIANCE_PASSWORD,
  activeHsm,
  blankHsm,
  CHEAP,
  codeOf,
  faultOf,
  newHsm,
  PRECO_PASSWORD,
  passwordOf,
  type TestHsm,
} from "../../lib/hsm.ts";

const MINUTE_MS = 60_000;

/** WebCrypto that tells of every call, and makes it once `before` is done. */
function watchedSubtle(before: (name: string | symbol, inputs: unknown[]) => unknown): Subtle {
  return new Proxy(globalThis.crypto.subtle, {
    get: (target, name) => {
      const method = Reflect.get(target, name);
      return async (...inputs: unknown[]) => {
        await before(name, inputs);
        return Reflect.apply(method, target, inputs);
      };
    },
  });
}

/** The HSM with another WebCrypto. */
function hsmWith({ store, sessions, core, clock }: TestHsm, subtle: Subtle): Hsm {
  const random = (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length));
  const now = () => clock.nowMs;
  return new Hsm({ store, sessions, core, subtle, random, now, passwordCost: CHEAP });
}

/** Manufactured with PRECO, and an appliance user without a password. */
async function bareHsm() {
  const test = await blankHsm();
  const make = { hsmType: "hsm2m.medium", mode: "FIPS", preCoPassword: PRECO_PASSWORD } as const;
  await test.hsm.manufacture(make);
  return test;
}

describe("logging in", () => {
  it("opens a session, whatever the case of the name", async () => {
    const { hsm } = await activeHsm();
    const { token, user } = await hsm.login("ALICE", passwordOf("alice"));
    expect(user).toMatchObject({ username: "alice", role: "CU", locked: false, failures: 0 });
    expect(hsm.whoAmI(token).username).toBe("alice");
  });

  it.each([
    ["an unknown user", "nobody"],
    ["a user without a password", "app_user"],
  ])("answers %s and a wrong password alike, after the same work", async (_, username) => {
    // Counted, not timed: each call of WebCrypto with all that makes it long or short.
    const work: unknown[] = [];
    const watch = (name: string | symbol, inputs: unknown[]) => {
      const [parameters] = inputs as [{ salt?: Uint8Array }];
      if (name !== "deriveBits") work.push(name);
      else work.push({ ...parameters, salt: parameters.salt?.length });
    };
    const hsm = hsmWith(await bareHsm(), watchedSubtle(watch));
    const answerAndWork = async (name: string) => {
      work.length = 0;
      return [await codeOf(() => hsm.login(name, "wrong-password")), ...work];
    };
    const known = await answerAndWork("admin");
    const derivation = { name: "PBKDF2", hash: "SHA-256", salt: 20, iterations: 10 };
    const call = ["importKey", derivation];
    expect(known).toEqual(["login_failed", ...call, ...call]);
    expect(await answerAndWork(username)).toEqual(known);
  });

  it("gives tokens of 256 bits and keeps only their digests", async () => {
    const { hsm, sessions } = await activeHsm();
    sessions.clear();
    const { token } = await hsm.login("alice", passwordOf("alice"));
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const digest = createHash("sha256").update(token).digest("base64url");
    expect(sessions.get(digest)).not.toBeNull();
    sessions.delete(digest);
    expect(sessions.counts(0).all).toBe(0);
  });

  it("has no password for an appliance user that was given none", async () => {
    const { hsm } = await newHsm();
    await hsm.login("app_user", APPLIANCE_PASSWORD);
    const bare = await bareHsm();
    expect(bare.store.find(RECORD_TYPE.user, "app_user")).not.toBeNull();
    for (const password of ["", APPLIANCE_PASSWORD]) {
      expect(await codeOf(() => bare.hsm.login("app_user", password))).toBe("login_failed");
    }
  });

  it("counts no failure where a new password was set meanwhile", async () => {
    const test = await activeHsm();
    const late = hsmWith(
      test,
      watchedSubtle(() => test.hsm.changePassword(test.admin, "alice", "a-new-password")),
    );
    const attempt = () => late.login("alice", passwordOf("alice"));
    expect(await codeOf(attempt)).toBe("changed_meanwhile");
    const alice = test.hsm.listUsers(test.admin).find(({ username }) => username === "alice");
    expect(alice?.failures).toBe(0);
  });

  it("ends a session after 15 minutes without use, and not before", async () => {
    const { hsm, alice, clock } = await activeHsm();
    clock.nowMs += 14 * MINUTE_MS;
    expect(hsm.whoAmI(alice).username).toBe("alice");
    clock.nowMs += 14 * MINUTE_MS;
    expect(hsm.whoAmI(alice).username).toBe("alice");
    clock.nowMs += 15 * MINUTE_MS;
    expect(await codeOf(() => hsm.whoAmI(alice))).toBe("session_invalid");
  });

  it("ends a session on logout", async () => {
    const { hsm, alice } = await activeHsm();
    hsm.logout(alice);
    expect(await codeOf(() => hsm.listKeys(alice))).toBe("session_invalid");
  });
});

describe("sessions", () => {
  const login = async ({ hsm }: TestHsm, name: string) =>
    (await hsm.login(name, passwordOf(name))).token;

  /** Sessions that end in a minute, of users who are not there, until there are so many. */
  function fill({ sessions, clock }: TestHsm, count: number, officer = false) {
    const expiresAtMs = clock.nowMs + MINUTE_MS;
    for (let i = 0; sessions.counts(0).all < count; i++) {
      sessions.put(`${officer} ${i}`, { userId: 1_000 + (i >> 4), officer, expiresAtMs });
    }
  }

  it("of one user are sixteen: the one unused for longest ends, the newest live", async () => {
    const test = await activeHsm();
    const { hsm, sessions, clock } = test;
    const tokens = [test.alice];
    for (let i = 0; i < 16; i++) {
      clock.nowMs += 10;
      tokens.push(await login(test, "alice"));
    }
    const [first = "", ...others] = tokens;
    expect(await codeOf(() => hsm.whoAmI(first))).toBe("session_invalid");
    for (const token of others) expect(hsm.whoAmI(token).username).toBe("alice");

    clock.nowMs += 2 * MINUTE_MS;
    const [used = "", next = "", ...rest] = others;
    hsm.whoAmI(used);
    const latest = await login(test, "alice");
    expect(await codeOf(() => hsm.whoAmI(next))).toBe("session_invalid");
    for (const token of [used, latest, ...rest]) hsm.whoAmI(token);
    hsm.whoAmI(test.bob);

    for (let i = 0; i < 2_000; i++) await login(test, "alice");
    expect(sessions.counts(hsm.whoAmI(await login(test, "alice")).id).own).toBe(16);
    expect(hsm.whoAmI(await login(test, "admin")).role).toBe("CO");
  });

  it("are kept for admins: 960 of other users shut out other users, and no admin", async () => {
    const test = await activeHsm();
    test.sessions.clear();
    fill(test, 959);
    await login(test, "alice");
    const refused = { code: "session_limit", limit: 960 };
    expect(await faultOf(() => login(test, "alice"))).toEqual(refused);
    expect(await faultOf(() => login(test, "bob"))).toEqual(refused);
    await login(test, "admin");
    test.clock.nowMs += MINUTE_MS;
    await login(test, "bob");
  });

  it("are kept for PRECO as well, which has to activate", async () => {
    const test = await newHsm();
    fill(test, 960);
    expect((await test.hsm.login("admin", PRECO_PASSWORD)).user.role).toBe("PRECO");
  });

  it("are 1,024 in all, whoever holds them", async () => {
    const test = await activeHsm();
    test.sessions.clear();
    fill(test, 1_023, true);
    await login(test, "bob");
    const refused = { code: "session_limit", limit: 1_024 };
    expect(await faultOf(() => login(test, "alice"))).toEqual(refused);
    expect(await faultOf(() => login(test, "admin"))).toEqual(refused);
    test.clock.nowMs += MINUTE_MS;
    await login(test, "admin");
  });
});

describe("the lockout", () => {
  it("comes with the wrong password after the threshold, and keeps the right one out", async () => {
    const { hsm, admin } = await activeHsm();
    for (let i = 1; i <= 5; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    expect(hsm.listUsers(admin).find(({ username }) => username === "alice")).toMatchObject({
      locked: false,
      failures: 5,
    });
    expect(await codeOf(() => hsm.login("alice", "wrong-password"))).toBe("login_failed");
    expect(await codeOf(() => hsm.login("alice", passwordOf("alice")))).toBe("user_locked");
    expect(hsm.listUsers(admin).find(({ username }) => username === "alice")).toMatchObject({
      locked: true,
      failures: 6,
    });
  });

  it("forgets failures after a right password", async () => {
    const { hsm } = await activeHsm();
    for (let i = 1; i <= 5; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    expect((await hsm.login("alice", passwordOf("alice"))).user.failures).toBe(0);
    for (let i = 1; i <= 5; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    await hsm.login("alice", passwordOf("alice"));
  });

  it("is not outrun by guesses made at the same time", async () => {
    const { hsm } = await activeHsm();
    const guesses = Array.from({ length: 40 }, () =>
      codeOf(() => hsm.login("alice", "wrong-password")),
    );
    const right = codeOf(() => hsm.login("alice", passwordOf("alice")));
    const codes = await Promise.all(guesses);
    expect(codes.filter((code) => code === "login_failed").length).toBe(6);
    expect(codes.filter((code) => code === "user_locked").length).toBe(34);
    expect(await right).toBe("user_locked");
  });

  it("follows the policy's threshold", async () => {
    const { hsm, admin } = await activeHsm();
    hsm.setPolicies(admin, { lockoutThreshold: 1 });
    await codeOf(() => hsm.login("bob", "wrong-password"));
    await codeOf(() => hsm.login("bob", "wrong-password"));
    expect(await codeOf(() => hsm.login("bob", passwordOf("bob")))).toBe("user_locked");
  });

  it("ends when an admin sets a new password", async () => {
    const { hsm, admin } = await activeHsm();
    for (let i = 1; i <= 6; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    await hsm.changePassword(admin, "alice", "a-new-password");
    const { user } = await hsm.login("alice", "a-new-password");
    expect(user).toMatchObject({ locked: false, failures: 0 });
  });
});

describe("activation", () => {
  it("lets PRECO do nothing before it, and makes it the first CO", async () => {
    const { hsm } = await newHsm();
    const { token, user } = await hsm.login("admin", PRECO_PASSWORD);
    expect(user.role).toBe("PRECO");
    expect(hsm.getConfiguration().activated).toBe(false);
    const create = () =>
      hsm.createUser(token, { username: "carol", role: "CU", password: "carol-password" });
    expect(await codeOf(create)).toBe("not_permitted");
    hsm.initialize("certificate", "anchor");
    expect((await hsm.activate(token, "admin-password")).role).toBe("CO");
    expect(hsm.getConfiguration().activated).toBe(true);
    await create();
    expect(await codeOf(() => hsm.login("admin", PRECO_PASSWORD))).toBe("login_failed");
  });

  it("needs the cluster's certificate, by whichever way it is asked for", async () => {
    const { hsm } = await newHsm();
    const { token } = await hsm.login("admin", PRECO_PASSWORD);
    const ways = [
      () => hsm.activate(token, "admin-password"),
      () => hsm.changePassword(token, "admin", "admin-password"),
      () => hsm.changePassword(token, "ADMIN", "admin-password"),
    ];
    for (const way of ways) expect(await codeOf(way)).toBe("not_initialized");
    expect(hsm.getConfiguration().activated).toBe(false);
    expect((await hsm.login("admin", PRECO_PASSWORD)).user.role).toBe("PRECO");
    hsm.initialize("certificate", "anchor");
    expect((await hsm.activate(token, "admin-password")).role).toBe("CO");
  });

  it("happens once", async () => {
    const { hsm, admin } = await activeHsm();
    expect(await codeOf(() => hsm.activate(admin, "another-password"))).toBe("already_activated");
  });

  it("is also what PRECO's change of its own password does", async () => {
    const { hsm } = await newHsm();
    hsm.initialize("certificate", "anchor");
    const { token } = await hsm.login("admin", PRECO_PASSWORD);
    await hsm.changePassword(token, "admin", "admin-password");
    expect(hsm.getConfiguration().activated).toBe(true);
  });
});
