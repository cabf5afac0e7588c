/**
 * An HSM in memory for tests: cheap passwords, a clock that tests move, and users to log in as.
 */
import { expect } from "vitest";
import type { Core } from "../../src/crypto/core.ts";
import { MemoryAttemptStore } from "../../src/hsm/access/attempts.ts";
import type { PasswordCost } from "../../src/hsm/access/passwords.ts";
import { MemorySessionStore } from "../../src/hsm/access/session-store.ts";
import { Hsm } from "../../src/hsm/hsm.ts";
import { MemoryStore } from "../../src/hsm/memory/memory-store.ts";
import { HsmError, type HsmFault } from "../../src/hsm/rules/errors.ts";
import type { HsmType } from "../../src/hsm/rules/limits.ts";
import { loadCore } from "./core.ts";

/** Two calls, so that chaining is exercised; few rounds, so that tests are quick. */
export const CHEAP: PasswordCost = { calls: 2, roundsPerCall: 10 };
export const PRECO_PASSWORD = "preco-password";
export const APPLIANCE_PASSWORD = "appliance-password";

const shared = await loadCore();

export interface TestHsm {
  readonly hsm: Hsm;
  readonly store: MemoryStore;
  readonly sessions: MemorySessionStore;
  readonly attempts: MemoryAttemptStore;
  readonly core: Core;
  /** Milliseconds; tests add to it. */
  readonly clock: { nowMs: number };
}

/** A blank HSM. */
export async function blankHsm(store: MemoryStore = new MemoryStore()): Promise<TestHsm> {
  const core = shared;
  const sessions = new MemorySessionStore();
  const attempts = new MemoryAttemptStore();
  const clock = { nowMs: 1_700_000_000_000 };
  const hsm = new Hsm({
    store,
    sessions,
    attempts,
    core,
    subtle: globalThis.crypto.subtle,
    random: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
    now: () => clock.nowMs,
    passwordCost: CHEAP,
  });
  return { hsm, store, sessions, attempts, core, clock };
}

/** Manufactured, with PRECO and an appliance user that has a password. */
export async function newHsm(hsmType: HsmType = "hsm2m.medium"): Promise<TestHsm> {
  const test = await blankHsm();
  await test.hsm.manufacture({
    hsmType,
    mode: "FIPS",
    preCoPassword: PRECO_PASSWORD,
    appliancePassword: APPLIANCE_PASSWORD,
  });
  return test;
}

export interface Cast extends TestHsm {
  /** Session tokens. */
  readonly admin: string;
  readonly alice: string;
  readonly bob: string;
}

/** Activated, with the CO `admin` and the CUs `alice` and `bob` logged in. */
export async function activeHsm(hsmType?: HsmType): Promise<Cast> {
  const test = await newHsm(hsmType);
  const { hsm } = test;
  hsm.initialize("certificate", "anchor");
  const admin = (await hsm.login("admin", PRECO_PASSWORD)).token;
  await hsm.activate(admin, passwordOf("admin"));
  for (const username of ["alice", "bob"]) {
    await hsm.createUser(admin, { username, role: "CU", password: passwordOf(username) });
  }
  const alice = (await hsm.login("alice", passwordOf("alice"))).token;
  const bob = (await hsm.login("bob", passwordOf("bob"))).token;
  return { ...test, admin, alice, bob };
}

export function passwordOf(username: string): string {
  return `${username}-password`;
}

/** The fault that `f` is refused with. Fails if it is not refused, or throws anything else. */
export async function faultOf(f: () => unknown): Promise<HsmFault> {
  try {
    await f();
  } catch (error) {
    expect(error).toBeInstanceOf(HsmError);
    if (error instanceof HsmError) return error.fault;
  }
  throw new Error("expected a refusal, and there was none");
}

export async function codeOf(f: () => unknown): Promise<string> {
  return (await faultOf(f)).code;
}
