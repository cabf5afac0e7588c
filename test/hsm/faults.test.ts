import { describe, expect, it } from "vitest";
import { encodePem } from "../../src/crypto/pem.ts";
import {
  describeHsmFault,
  faultFamily,
  HsmError,
  type HsmFault,
} from "../../src/hsm/rules/errors.ts";
import { activeHsm } from "../lib/hsm.ts";

/** One fault of every code: a new code does not compile until it is here. */
const FAULTS: { [C in HsmFault["code"]]: Extract<HsmFault, { code: C }> } = {
  login_failed: { code: "login_failed" },
  session_invalid: { code: "session_invalid" },
  session_limit: { code: "session_limit", limit: 1_024 },
  not_permitted: { code: "not_permitted", permission: "manage users", role: "CU" },
  quorum_required: { code: "quorum_required", service: "user", approvals: 2 },
  quorum_unavailable: { code: "quorum_unavailable", service: "user", registered: 0 },
  password_invalid: { code: "password_invalid", min: 8, max: 32 },
  username_invalid: { code: "username_invalid", max: 31 },
  role_invalid: { code: "role_invalid", got: "AU" },
  verifier_invalid: { code: "verifier_invalid", why: "too few rounds" },
  user_exists: { code: "user_exists", username: "alice" },
  user_not_found: { code: "user_not_found", username: "alice" },
  user_limit: { code: "user_limit", limit: 1_024 },
  user_protected: { code: "user_protected", username: "admin", why: "nobody deletes oneself" },
  user_owns_objects: { code: "user_owns_objects", username: "alice", keys: 2, certificates: 1 },
  already_activated: { code: "already_activated" },
  not_initialized: { code: "not_initialized" },
  not_manufactured: { code: "not_manufactured" },
  already_manufactured: { code: "already_manufactured" },
  already_initialized: { code: "already_initialized" },
  policy_invalid: { code: "policy_invalid", field: "lockoutThreshold", why: "expected 1 to 20" },
  changed_meanwhile: { code: "changed_meanwhile", what: "The password" },
  key_not_found: { code: "key_not_found", handle: 7 },
  key_limit: { code: "key_limit", limit: 3_300 },
  asymmetric_key_limit: { code: "asymmetric_key_limit", limit: 3_333 },
  key_unsupported: { code: "key_unsupported", what: "Ed25519", supported: "RSA" },
  key_unreadable: { code: "key_unreadable", format: "PEM", why: "it is cut off" },
  key_not_owned: { code: "key_not_owned", handle: 7 },
  key_not_extractable: { code: "key_not_extractable", handle: 7, why: "extractable = false" },
  key_not_destroyable: { code: "key_not_destroyable", handle: 7 },
  key_usage: { code: "key_usage", handle: 7, attribute: "sign" },
  attribute_refused: { code: "attribute_refused", attribute: "trusted", why: "only an admin" },
  share_refused: { code: "share_refused", username: "bob", why: "keys are shared among CUs" },
  mechanism_unsupported: { code: "mechanism_unsupported", mechanism: "aes-cmac", why: "RSA" },
  data_length: { code: "data_length", what: "data", max: 5 },
  parameter_invalid: { code: "parameter_invalid", parameter: "iv", why: "12 bytes" },
  decryption_failed: { code: "decryption_failed" },
  unwrap_failed: { code: "unwrap_failed", mechanism: "aes-kw" },
  batch_limit: { code: "batch_limit", max: 500, got: 501 },
  batch_item: { code: "batch_item", index: 3, cause: { code: "key_limit", limit: 3_300 } },
  certificate_unreadable: { code: "certificate_unreadable", index: 1, why: "it is not Base64" },
  certificate_not_found: { code: "certificate_not_found", id: 7 },
  certificate_limit: { code: "certificate_limit", limit: 1_024 },
  record_invalid: { code: "record_invalid", type: 5, why: "unknown attributes" },
};

describe("refusals", () => {
  it.each(Object.values(FAULTS))("$code says what is wrong in whole sentences", (fault) => {
    const message = describeHsmFault(fault);
    expect(message).toMatch(/^[A-Z].*\.$/s);
    expect(message).not.toMatch(/undefined|\[object|NaN/);
    expect(new HsmError(fault).message).toBe(message);
    for (const [name, fact] of Object.entries(fault)) {
      if (name !== "code" && typeof fact !== "object") expect(message).toContain(String(fact));
    }
  });

  it("have a family; an item of a batch has that of its cause", () => {
    expect(faultFamily(FAULTS.login_failed)).toBe("authentication");
    expect(faultFamily(FAULTS.batch_item)).toBe("limit");
  });

  it("show what nobody would see in the names that they quote", () => {
    const fault = { code: "user_not_found", username: "\u202enimda\0" } as const;
    const message = describeHsmFault({ code: "batch_item", index: 3, cause: fault });
    expect(message).toContain('"⟨U+202E⟩nimda⟨U+0000⟩"');
  });

  it("never quote a password or a key", async () => {
    const { hsm, alice } = await activeHsm();
    const secret = "correct-horse-battery-staple-and-more";
    const attempts: (() => unknown)[] = [
      () => hsm.login("alice", secret),
      () => hsm.changePassword(alice, "alice", secret),
      () => hsm.importKey(alice, { material: { format: "pem", pem: secret } }),
      () => hsm.importKey(alice, { material: { format: "jwk", jwk: { kty: "oct", k: secret } } }),
      () =>
        hsm.importKey(alice, {
          material: { format: "pem", pem: encodePem("PRIVATE KEY", Buffer.from(secret)) },
        }),
    ];
    for (const attempt of attempts) {
      const error = await Promise.resolve()
        .then(attempt)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(HsmError);
      const told = JSON.stringify([(error as HsmError).fault, (error as HsmError).message]);
      expect(told).not.toContain(secret.slice(0, 12));
      expect(told).not.toContain(Buffer.from(secret).toString("base64").slice(0, 12));
      expect((error as HsmError).cause).toBeUndefined();
    }
  });
});
