/**
 * The two HSMs of the golden files: a new one, and one with some of everything.
 *
 * Made from fixed seeds, by the generator of the vectors; `GOLDEN_PASSWORDS` opens the users inside.
 */
import { readFileSync } from "node:fs";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { MemoryAttemptStore } from "../../../src/hsm/access/attempts.ts";
import { MemorySessionStore } from "../../../src/hsm/access/session-store.ts";
import { Hsm } from "../../../src/hsm/hsm.ts";
import { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { loadCore } from "../../lib/core.ts";
import { counterRandom } from "../fixtures.ts";
import { fixedSubtle } from "../vectors/fixed-subtle.ts";

export const GOLDEN_CREATED_AT_MS = 1_767_225_600_000;

/** By user. `locked` is locked: no password opens it before an admin has changed it. */
export const GOLDEN_PASSWORDS: Readonly<Record<string, string>> = {
  admin: "golden-admin-pw",
  alice: "golden-alice-pw",
  bob: "golden-bob-pw",
  locked: "golden-locked-pw",
};

const PRECO_PASSWORD = "golden-preco-pw";
/** A key whose bytes the test of the golden file knows. */
export const GOLDEN_AES_KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

interface GoldenHsm {
  readonly hsm: Hsm;
  readonly store: MemoryStore;
}

async function manufactured(seed: string): Promise<GoldenHsm> {
  const store = new MemoryStore();
  const random = counterRandom(`vectors/hsm/${seed}`);
  const hsm = new Hsm({
    store,
    sessions: new MemorySessionStore(),
    attempts: new MemoryAttemptStore(),
    core: await loadCore(),
    subtle: fixedSubtle(random),
    random,
    now: () => GOLDEN_CREATED_AT_MS,
  });
  await hsm.manufacture({
    hsmType: "hsm2m.medium",
    mode: "NON_FIPS",
    preCoPassword: PRECO_PASSWORD,
  });
  return { hsm, store };
}

/** As it leaves the works: the PRECO user, the appliance user, nothing else. */
export async function emptyHsm(): Promise<MemoryStore> {
  return (await manufactured("empty")).store;
}

/** Users of every role and state, keys of every class and type, certificates, changed policies. */
export async function fullHsm(): Promise<MemoryStore> {
  const { hsm, store } = await manufactured("full");
  hsm.initialize(pem("leaf"), pem("ca"));
  const preco = (await hsm.login("admin", PRECO_PASSWORD)).token;
  await hsm.activate(preco, passwordOf("admin"));
  const admin = (await hsm.login("admin", passwordOf("admin"))).token;
  for (const username of ["alice", "bob", "locked"]) {
    await hsm.createUser(admin, { username, role: "CU", password: passwordOf(username) });
  }
  const alice = (await hsm.login("alice", passwordOf("alice"))).token;
  await addKeys(hsm, alice);
  const [first] = hsm.listKeys(alice).keys;
  if (first !== undefined) hsm.shareKey(alice, first.handle, "bob");
  await hsm.importCertificates(alice, `${pem("leaf")}\n${pem("intermediate")}\n${pem("ca")}`);
  hsm.setPolicies(admin, { lockoutThreshold: 3 });
  await lock(hsm, "locked");
  return store;
}

async function addKeys(hsm: Hsm, token: string): Promise<void> {
  using aes = SecretKey.copyOf(Buffer.from(GOLDEN_AES_KEY, "hex"));
  const everyUse = { encrypt: true, decrypt: true, wrap: true, unwrap: true };
  await hsm.importKey(token, {
    material: { format: "raw", type: "aes", key: aes },
    attributes: { label: "aes-256 known", extractable: true, ...everyUse },
  });
  for (const sizeBits of [128, 192, 256]) {
    const attributes = { label: `aes-${sizeBits}`, extractable: false, ...everyUse };
    await hsm.generateKey(token, { type: "aes", sizeBits, attributes });
  }
  await hsm.generateKey(token, {
    type: "generic-secret",
    sizeBits: 512,
    attributes: { label: "hmac secret", sign: true, verify: true },
  });
  for (const curve of ["P-256", "P-384", "P-521"] as const) {
    const attributes = { label: `ec ${curve}`, sign: true, verify: true };
    await hsm.generateKeyPair(token, { type: "ec", curve, attributes });
  }
  for (const sizeBits of [2048, 4096]) {
    const attributes = { label: `rsa ${sizeBits}`, id: "c0ffee", sign: true, verify: true };
    const pair = await hsm.generateKeyPair(token, { type: "rsa", sizeBits, attributes });
    await hsm.importKey(token, {
      material: { format: "pem", pem: pair.publicKeyPem ?? "" },
      attributes: { label: `rsa ${sizeBits}, public half`, verify: true },
    });
  }
}

async function lock(hsm: Hsm, username: string): Promise<void> {
  for (let attempt = 0; attempt < 4; attempt++) {
    try {
      await hsm.login(username, "not the password");
    } catch {
      // Refused, as it must be: that is how a user gets locked.
    }
  }
  hsm.mergeAttempts();
}

function passwordOf(username: string): string {
  return GOLDEN_PASSWORDS[username] ?? "";
}

function pem(name: string): string {
  return readFileSync(new URL(`../../hsm/certificates/${name}.pem`, import.meta.url), "utf8");
}
