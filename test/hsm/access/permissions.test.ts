import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Asker, PERMISSIONS, type Permission } from "../../../src/hsm/access/permissions.ts";
import { Hsm } from "../../../src/hsm/hsm.ts";
import { HsmError } from "../../../src/hsm/rules/errors.ts";
import {
  APPLIANCE_PASSWORD,
  activeHsm,
  newHsm,
  PRECO_PASSWORD,
  passwordOf,
} from "../../lib/hsm.ts";

const ASKERS: readonly Asker[] = ["CO", "CU", "AU", "PRECO", "nobody"];
const NO_TOKEN = "";
const DATA = new Uint8Array(16);

/** The rows of docs/HSM.md §2.2. */
function documentedTable(): Record<string, readonly string[]> {
  const text = readFileSync(new URL("../../../docs/HSM.md", import.meta.url), "utf8");
  const section = text.split("### 2.2 Permissions")[1]?.split("\n### ")[0] ?? "";
  const rows = section.split("\n").filter((line) => /^\| [a-z]/.test(line));
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  const [head, ...body] = cells;
  expect(head?.slice(2, 7)).toEqual(ASKERS);
  return Object.fromEntries(
    body.map((row) => [row[1], ASKERS.filter((_, i) => row[i + 2] === "Y")] as const),
  );
}

/**
 * Operations that each permission stands for. Missing handles are fine: the role is asked first.
 */
const OPERATIONS: Record<Permission, readonly ((hsm: Hsm, token: string) => unknown)[]> = {
  "read cluster information": [(hsm) => hsm.getConfiguration(), (hsm) => hsm.getPolicies()],
  "change own password": [
    (hsm, token) => hsm.changePassword(token, hsm.whoAmI(token).username, "own-new-password"),
  ],
  "change any password": [(hsm, token) => hsm.changePassword(token, "bob", "bobs-new-password")],
  "manage users": [
    (hsm, token) => hsm.createUser(token, { username: "c", role: "CU", password: "c-password" }),
    (hsm, token) => hsm.deleteUser(token, "c"),
    (hsm, token) => hsm.importUsers(token, []),
  ],
  "list users": [(hsm, token) => hsm.listUsers(token)],
  "set policies": [(hsm, token) => hsm.setPolicies(token, { lockoutThreshold: 4 })],
  "list keys": [(hsm, token) => hsm.listKeys(token), (hsm, token) => hsm.describeKey(token, 9)],
  "manage keys": [
    (hsm, token) => hsm.generateKey(token, { type: "aes", sizeBits: 256 }),
    (hsm, token) => hsm.generateKeyPair(token, { type: "ec", curve: "P-256" }),
    (hsm, token) =>
      hsm.importKey(token, { material: { format: "jwk", jwk: { kty: "oct", k: "A".repeat(22) } } }),
    (hsm, token) => hsm.importKeys(token, []),
    (hsm, token) => hsm.deleteKey(token, 9),
    (hsm, token) => hsm.shareKey(token, 9, "bob"),
    (hsm, token) => hsm.unshareKey(token, 9, "bob"),
    (hsm, token) => hsm.exportKey(token, 9, "raw"),
    (hsm, token) => hsm.wrapKey(token, 9, 8, "aes-kw"),
    (hsm, token) => hsm.unwrapKey(token, 9, { mechanism: "aes-kw", wrapped: DATA, type: "aes" }),
  ],
  "encrypt and decrypt": [
    (hsm, token) => hsm.encrypt(token, 9, { mechanism: "aes-gcm", data: DATA }),
    (hsm, token) => hsm.decrypt(token, 9, { mechanism: "aes-gcm", iv: DATA, ciphertext: DATA }),
  ],
  "sign and verify": [
    (hsm, token) => hsm.sign(token, 9, "aes-cmac", DATA),
    (hsm, token) => hsm.verify(token, 9, { mechanism: "aes-cmac", data: DATA, signature: DATA }),
  ],
  digest: [(hsm, token) => hsm.digest(token, "sha256", DATA)],
  "mark keys trusted": [],
  "list certificates": [(hsm, token) => hsm.listCertificates(token)],
  "manage certificates": [
    (hsm, token) => hsm.importCertificates(token, SOME_PEM),
    (hsm, token) => hsm.deleteCertificate(token, 9),
  ],
};

/** What an HSM does for whoever holds it, or by a password, and what is asked about below. */
const ASKS_NO_ROLE = [
  "activate",
  "admit",
  "constructor",
  "initialize",
  "login",
  "logout",
  "manufacture",
  "mergeAttempts",
  "setAttributes",
];

const SOME_PEM = readFileSync(new URL("../certificates/leaf.pem", import.meta.url), "utf8");

/** An HSM with a session of the role. */
async function asker(role: Asker): Promise<{ hsm: Hsm; token: string }> {
  if (role === "PRECO" || role === "AU") {
    const { hsm } = await newHsm();
    hsm.initialize("certificate", "anchor");
    const preCo = (await hsm.login("admin", PRECO_PASSWORD)).token;
    if (role === "PRECO") return { hsm, token: preCo };
    const token = (await hsm.login("app_user", APPLIANCE_PASSWORD)).token;
    await hsm.activate(preCo, passwordOf("admin"));
    await hsm.createUser(preCo, { username: "bob", role: "CU", password: passwordOf("bob") });
    return { hsm, token };
  }
  const { hsm, admin, alice } = await activeHsm();
  const tokens = { CO: admin, CU: alice, nobody: NO_TOKEN };
  return { hsm, token: tokens[role] };
}

/** The code of a refusal; "" if there is none. */
async function refusal(f: () => unknown): Promise<string> {
  try {
    await f();
    return "";
  } catch (error) {
    if (error instanceof HsmError) return error.fault.code;
    throw error;
  }
}

describe("the permission table", () => {
  it("is the one in the documentation", () => {
    expect(documentedTable()).toEqual(PERMISSIONS);
  });

  it("is held against every operation that an HSM has", () => {
    const called = Object.values(OPERATIONS).flat().map(String).join("\n");
    const methods = Object.getOwnPropertyNames(Hsm.prototype);
    const missing = methods.filter((name) => !called.includes(`hsm.${name}(`));
    expect(missing.sort()).toEqual([...ASKS_NO_ROLE].sort());
  });

  describe.each(ASKERS)("for %s", (role) => {
    it.each(Object.keys(PERMISSIONS) as Permission[])(
      "holds in every operation: %s",
      async (permission) => {
        const { hsm, token } = await asker(role);
        const isAllowed = PERMISSIONS[permission].includes(role);
        for (const operation of OPERATIONS[permission]) {
          const code = await refusal(() => operation(hsm, token));
          if (isAllowed) expect(["not_permitted", "session_invalid"]).not.toContain(code);
          else expect(code).toBe(role === "nobody" ? "session_invalid" : "not_permitted");
        }
      },
    );
  });

  it.each(["AU", "PRECO", "nobody"] as const)("lets %s not touch attributes", async (role) => {
    const { hsm, token } = await asker(role);
    const code = await refusal(() => hsm.setAttributes(token, 9, { trusted: true }));
    expect(code).toBe(role === "nobody" ? "session_invalid" : "not_permitted");
  });

  it.each(["AU", "nobody"] as const)("lets %s not activate", async (role) => {
    const { hsm } = await newHsm();
    const token = role === "AU" ? (await hsm.login("app_user", APPLIANCE_PASSWORD)).token : "";
    const code = await refusal(() => hsm.activate(token, "a-new-password"));
    expect(code).toBe(role === "nobody" ? "session_invalid" : "already_activated");
    expect(hsm.getConfiguration().activated).toBe(false);
  });

  it("lets only an admin mark keys trusted", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const attributes = { extractable: false, wrap: true };
    const { handle } = await hsm.generateKey(alice, { type: "aes", sizeBits: 256, attributes });
    const trust = (token: string) => () => hsm.setAttributes(token, handle, { trusted: true });
    expect(await refusal(trust(alice))).toBe("attribute_refused");
    expect(await refusal(trust(admin))).toBe("");
    expect(hsm.describeKey(alice, handle).attributes.trusted).toBe(true);
    expect(await refusal(() => hsm.setAttributes(admin, handle, { sign: true }))).toBe(
      "attribute_refused",
    );
  });
});
