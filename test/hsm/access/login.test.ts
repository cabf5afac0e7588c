import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Subtle } from "../../../src/crypto/web-crypto.ts";
import { NOBODY } from "../../../src/hsm/access/attempts.ts";
import { deriveVerifier } from "../../../src/hsm/access/passwords.ts";
import { type FairTurns, UNQUEUED } from "../../../src/hsm/access/turns.ts";
import { requireUser } from "../../../src/hsm/access/user-directory.ts";
import { Hsm } from "../../../src/hsm/hsm.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { stateDigest } from "../../../src/hsm/memory/snapshot.ts";
import { userCodec } from "../../../src/hsm/memory/user-record.ts";
import { describeHsmFault } from "../../../src/hsm/rules/errors.ts";
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
function hsmWith({ store, sessions, attempts, core, clock }: TestHsm, subtle: Subtle): Hsm {
  const random = (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length));
  const now = () => clock.nowMs;
  return new Hsm({ store, sessions, attempts, core, subtle, random, now, passwordCost: CHEAP });
}

/** A user as somebody is shown them. */
function shown(hsm: Hsm, session: string, name: string) {
  return hsm.listUsers(session).find(({ username }) => username === name);
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

  it.each(["alice-passwor\ud800", "alice-password\0", "alice\0password"])(
    "takes %j for a wrong password, counts it and does all the work",
    async (password) => {
      const cast = await activeHsm();
      const calls: (string | symbol)[] = [];
      const hsm = hsmWith(
        cast,
        watchedSubtle((name) => calls.push(name)),
      );
      expect(await codeOf(() => hsm.login("alice", "some-other-password"))).toBe("login_failed");
      const usual = calls.splice(0);
      expect(await codeOf(() => hsm.login("alice", password))).toBe("login_failed");
      expect(calls).toEqual(usual);
      expect(usual).toContain("deriveBits");
      expect(shown(hsm, cast.admin, "alice")).toMatchObject({ failures: 2 });
    },
  );

  it("takes an older password that a new one could not be", async () => {
    const { hsm, store } = await activeHsm();
    const { id, user } = requireUser(store, "alice");
    const cost = { calls: user.verifierCalls, roundsPerCall: user.roundsPerCall };
    const secret = await deriveVerifier(globalThis.crypto.subtle, "tab\there", user.salt, cost);
    const attributes = userCodec.encode(user);
    store.transaction(() =>
      store.put({ type: RECORD_TYPE.user, id, attributes, secret }, user.username),
    );
    expect((await hsm.login("alice", "tab\there")).user.username).toBe("alice");
  });

  it("takes no lone surrogate for the character that stands in for it", async () => {
    const { hsm, admin } = await activeHsm();
    await hsm.changePassword(admin, "alice", "alice-\ufffd-password");
    expect(await codeOf(() => hsm.login("alice", "alice-\ud800-password"))).toBe("login_failed");
    expect((await hsm.login("alice", "alice-\ufffd-password")).user.username).toBe("alice");
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
    const alice = shown(test.hsm, test.admin, "alice");
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
    expect(shown(hsm, admin, "alice")).toMatchObject({
      locked: false,
      failures: 5,
    });
    expect(await codeOf(() => hsm.login("alice", "wrong-password"))).toBe("login_failed");
    expect(await codeOf(() => hsm.login("alice", passwordOf("alice")))).toBe("login_failed");
    expect(shown(hsm, admin, "alice")).toMatchObject({
      locked: true,
      failures: 7,
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
    const { hsm, admin } = await activeHsm();
    const guesses = Array.from({ length: 40 }, () =>
      codeOf(() => hsm.login("alice", "wrong-password")),
    );
    const right = codeOf(() => hsm.login("alice", passwordOf("alice")));
    expect(new Set(await Promise.all(guesses))).toEqual(new Set(["login_failed"]));
    expect(await right).toBe("login_failed");
    expect(shown(hsm, admin, "alice")).toMatchObject({ locked: true, failures: 41 });
  });

  it("follows the policy's threshold", async () => {
    const { hsm, admin } = await activeHsm();
    hsm.setPolicies(admin, { lockoutThreshold: 1 });
    await codeOf(() => hsm.login("bob", "wrong-password"));
    await codeOf(() => hsm.login("bob", "wrong-password"));
    expect(await codeOf(() => hsm.login("bob", passwordOf("bob")))).toBe("login_failed");
    expect(shown(hsm, admin, "bob")).toMatchObject({ locked: true, failures: 3 });
  });

  it("ends when an admin sets a new password", async () => {
    const { hsm, admin } = await activeHsm();
    for (let i = 1; i <= 6; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    await hsm.changePassword(admin, "alice", "a-new-password");
    const { user } = await hsm.login("alice", "a-new-password");
    expect(user).toMatchObject({ locked: false, failures: 0 });
  });
});

/** Whoever could get in, and whoever could not, told a guesser nothing. */
describe("a login that is refused", () => {
  /** The HSM, telling of each derivation, each verifier unwrapped and each count written. */
  async function watchedHsm() {
    const test = await newHsm();
    const { store, attempts } = test;
    const work: unknown[] = [];
    const watch = (name: string | symbol, inputs: unknown[]) => {
      const [parameters] = inputs as [{ salt?: Uint8Array }];
      if (name !== "deriveBits") work.push(name);
      else work.push({ ...parameters, salt: parameters.salt?.length });
    };
    const noting = <T extends object>(target: T, names: readonly (keyof T)[]): T =>
      new Proxy(target, {
        get: (_, name) => {
          const method = Reflect.get(target, name);
          if (typeof method !== "function") return method;
          return (...inputs: unknown[]) => {
            if (names.includes(name as keyof T)) work.push(name);
            return Reflect.apply(method, target, inputs);
          };
        },
      });
    const watched = {
      ...test,
      store: noting(store, ["secret", "put", "delete"]),
      attempts: noting(attempts, ["put", "delete"]),
    };
    const hsm = hsmWith(watched, watchedSubtle(watch));
    hsm.initialize("certificate", "anchor");
    const { token } = await hsm.login("admin", PRECO_PASSWORD);
    await hsm.activate(token, passwordOf("admin"));
    for (const username of ["alice", "bob"])
      await hsm.createUser(token, { username, role: "CU", password: passwordOf(username) });
    for (let i = 0; i < 6; i++) await codeOf(() => hsm.login("bob", "wrong-password"));
    expect(shown(hsm, token, "bob")).toMatchObject({ locked: true });
    const answerAndWork = async (name: string, password: string) => {
      work.length = 0;
      const fault = await faultOf(() => hsm.login(name, password));
      return [fault, describeHsmFault(fault), ...work];
    };
    return { ...test, hsm, answerAndWork };
  }

  it("takes the same work and says the same, whoever it is and whatever is wrong", async () => {
    const { hsm, answerAndWork, store } = await watchedHsm();
    const wrong = await answerAndWork("alice", "wrong-password");
    const derivation = { name: "PBKDF2", hash: "SHA-256", salt: 20, iterations: 10 };
    const call = ["importKey", derivation];
    const message = expect.stringContaining("wrong, or the user is locked");
    expect(wrong).toEqual([{ code: "login_failed" }, message, ...call, ...call, "secret", "put"]);
    const bare = await bareHsm();
    expect(bare.store.find(RECORD_TYPE.user, "app_user")).not.toBeNull();
    const cases = [
      ["nobody", "wrong-password"], // Unknown,
      ["nobody", "wrong-password"], // and tried before.
      ["bob", "wrong-password"], // Locked.
      ["bob", passwordOf("bob")], // Locked, and the password is right.
    ] as const;
    for (const [name, password] of cases) {
      expect(await answerAndWork(name, password), name).toEqual(wrong);
    }
    const { id = 0 } = store.find(RECORD_TYPE.user, "app_user") ?? {};
    store.transaction(() => store.delete(RECORD_TYPE.user, id));
    expect(await answerAndWork("app_user", "wrong-password")).toEqual(wrong);
    expect((await hsm.login("alice", passwordOf("alice"))).user.failures).toBe(0);
  });

  it("counts at nobody what was tried at a user whom no password opens", async () => {
    const { hsm, attempts } = await bareHsm();
    for (let i = 0; i < 30; i++) await codeOf(() => hsm.login("app_user", "wrong-password"));
    expect(attempts.users()).toEqual([]);
    expect(attempts.get(NOBODY)).toEqual({ failures: 30, locked: 0 });
  });

  it("of a user who was deleted meanwhile counts at nobody", async () => {
    const test = await activeHsm();
    const late = hsmWith(
      test,
      watchedSubtle(() => {
        if (shown(test.hsm, test.admin, "alice")) test.hsm.deleteUser(test.admin, "alice");
      }),
    );
    expect(await codeOf(() => late.login("alice", passwordOf("alice")))).toBe("login_failed");
    expect(test.attempts.users()).toEqual([]);
    expect(test.attempts.get(NOBODY)?.failures).toBe(1);
  });

  it("changes no record and no digest, until the counts are taken into the records", async () => {
    const { hsm, store, core, attempts, admin } = await activeHsm();
    const before = stateDigest(store, core);
    for (let i = 0; i < 6; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    await codeOf(() => hsm.login("bob", "wrong-password"));
    await codeOf(() => hsm.login("nobody", "wrong-password"));
    expect(stateDigest(store, core)).toEqual(before);
    const shownBefore = hsm.listUsers(admin);
    hsm.mergeAttempts();
    expect(stateDigest(store, core)).not.toEqual(before);
    expect(attempts.users()).toEqual([]);
    expect(requireUser(store, "alice").user).toMatchObject({ locked: 1, failures: 6 });
    expect(requireUser(store, "bob").user).toMatchObject({ locked: 0, failures: 1 });
    expect(hsm.listUsers(admin)).toEqual(shownBefore);
    expect(await codeOf(() => hsm.login("alice", passwordOf("alice")))).toBe("login_failed");
  });

  it("is counted on from the record, and forgotten over it", async () => {
    const { hsm, store, attempts } = await activeHsm();
    for (let i = 0; i < 3; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    hsm.mergeAttempts();
    await codeOf(() => hsm.login("alice", "wrong-password"));
    const { id, user } = requireUser(store, "alice");
    expect([user.failures, attempts.get(id)?.failures]).toEqual([3, 4]);
    expect((await hsm.login("alice", passwordOf("alice"))).user.failures).toBe(0);
    for (let i = 0; i < 5; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    await hsm.login("alice", passwordOf("alice"));
    hsm.mergeAttempts();
    expect(requireUser(store, "alice").user).toMatchObject({ locked: 0, failures: 0 });
  });

  it("leaves no count behind of a user with a new password, or who is deleted", async () => {
    const { hsm, admin, attempts } = await activeHsm();
    for (const name of ["alice", "bob"])
      for (let i = 0; i < 6; i++) await codeOf(() => hsm.login(name, "wrong-password"));
    await hsm.changePassword(admin, "alice", "a-new-password");
    hsm.deleteUser(admin, "bob");
    expect(attempts.users()).toEqual([]);
    expect(shown(hsm, admin, "alice")).toMatchObject({ locked: false, failures: 0 });
    hsm.mergeAttempts();
  });

  it("shows its count to admins and to the user it is about", async () => {
    const { hsm, admin, alice, bob } = await activeHsm();
    await codeOf(() => hsm.login("alice", "wrong-password"));
    for (const session of [admin, alice])
      expect(shown(hsm, session, "alice")).toMatchObject({ failures: 1 });
    expect(shown(hsm, bob, "alice")).toMatchObject({ locked: false, failures: 0 });
    hsm.mergeAttempts();
    expect(shown(hsm, bob, "alice")).toMatchObject({ locked: false, failures: 0 });
    expect(hsm.whoAmI(alice).failures).toBe(1);
  });

  it("never locks PRECO, whose password is shown to whoever may activate", async () => {
    const { hsm, store } = await newHsm();
    for (let i = 0; i < 30; i++) await codeOf(() => hsm.login("admin", "wrong-password"));
    hsm.mergeAttempts();
    expect(requireUser(store, "admin").user).toMatchObject({ locked: 0, failures: 30 });
    hsm.initialize("certificate", "anchor");
    const { token } = await hsm.login("admin", PRECO_PASSWORD);
    await hsm.activate(token, passwordOf("admin"));
    for (let i = 0; i < 6; i++) await codeOf(() => hsm.login("admin", "wrong-password"));
    expect(await codeOf(() => hsm.login("admin", passwordOf("admin")))).toBe("login_failed");
  });
});

/** As in an old backup: what made alice's verifier is no longer what this HSM makes them with. */
describe("a user whose verifier was made with other rounds", () => {
  const OTHER = { calls: 3, roundsPerCall: 20 };

  async function olderCast(takesChanges = () => true) {
    const test = await activeHsm();
    const work: unknown[] = [];
    const subtle = watchedSubtle((name, [parameters]) => {
      if (name === "deriveBits") work.push((parameters as { iterations: number }).iterations);
    });
    const { store, sessions, attempts, core, clock } = test;
    const random = (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length));
    const now = () => clock.nowMs;
    const options = { store, sessions, attempts, core, subtle, random, now, takesChanges };
    const hsm = new Hsm({ ...options, passwordCost: OTHER });
    const login = async (password: string) => {
      work.length = 0;
      await hsm.login("alice", password);
      return [...work];
    };
    return { ...test, hsm, work, login };
  }

  it("gets a new one at the first right login, and keeps password and sessions", async () => {
    const { hsm, store, alice, clock, login } = await olderCast();
    const before = requireUser(store, "alice").user;
    clock.nowMs += 5;
    await codeOf(() => hsm.login("alice", "wrong-password"));
    expect(requireUser(store, "alice").user).toEqual(before);
    expect(await login(passwordOf("alice"))).toEqual([10, 10, 20, 20, 20]);
    const { salt, ...user } = requireUser(store, "alice").user;
    expect(user).toEqual({
      ...before,
      salt: undefined,
      verifierCalls: OTHER.calls,
      roundsPerCall: OTHER.roundsPerCall,
    });
    expect(salt).not.toEqual(before.salt);
    expect(await login(passwordOf("alice"))).toEqual([20, 20, 20]);
    expect(await codeOf(() => hsm.login("alice", "wrong-password"))).toBe("login_failed");
    expect(hsm.whoAmI(alice).username).toBe("alice");
  });

  it("is let in where nothing may be written, and gets the new one later", async () => {
    let isOpen = false;
    const { login } = await olderCast(() => isOpen);
    expect(await login(passwordOf("alice"))).toEqual([10, 10]);
    isOpen = true;
    expect(await login(passwordOf("alice"))).toEqual([10, 10, 20, 20, 20]);
    expect(await login(passwordOf("alice"))).toEqual([20, 20, 20]);
  });

  it("gets none by the right password while locked", async () => {
    const { hsm, store, login } = await olderCast();
    const before = requireUser(store, "alice").user;
    for (let i = 0; i < 6; i++) await codeOf(() => hsm.login("alice", "wrong-password"));
    expect(await codeOf(() => login(passwordOf("alice")))).toBe("login_failed");
    expect(requireUser(store, "alice").user).toEqual(before);
  });
});

describe("derivations", () => {
  it("wait at the name that is given, or at the name of whoever is logged in", async () => {
    const test = await activeHsm();
    const names: string[] = [];
    const turns: FairTurns = {
      ...UNQUEUED,
      derive(username, work) {
        names.push(username);
        return work((call) => call());
      },
    };
    const { store, sessions, attempts, core, admin, alice } = test;
    const { subtle } = globalThis.crypto;
    const random = (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length));
    const options = { store, sessions, attempts, core, subtle, random };
    const hsm = new Hsm({
      ...options,
      now: () => test.clock.nowMs,
      passwordCost: CHEAP,
      turns,
    });
    await codeOf(() => hsm.login("NoBody", "wrong-password"));
    await hsm.login("ALICE", passwordOf("alice"));
    await hsm.createUser(admin, { username: "carol", role: "CU", password: "carol-password" });
    await hsm.changePassword(admin, "carol", "carol-password-2");
    await hsm.changePassword(alice, "alice", "alice-password-2");
    expect(names).toEqual(["nobody", "alice", "admin", "admin", "alice"]);
  });

  it("that are refused a place derive nothing, and count nothing", async () => {
    const test = await activeHsm();
    const full = new Error("full");
    const subtle = watchedSubtle(() => {
      throw new Error("derived");
    });
    const { store, sessions, attempts, core } = test;
    const options = { store, sessions, attempts, core, subtle, random: () => new Uint8Array(0) };
    const turns: FairTurns = { ...UNQUEUED, derive: () => Promise.reject(full) };
    const hsm = new Hsm({ ...options, now: () => test.clock.nowMs, turns });
    await expect(hsm.login("alice", "wrong-password")).rejects.toBe(full);
    expect(attempts.users()).toEqual([]);
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
