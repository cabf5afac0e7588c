import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { KeyMaterial } from "../../../src/hsm/keys/material.ts";
import { HsmError } from "../../../src/hsm/rules/errors.ts";
import { activeHsm, faultOf } from "../../lib/hsm.ts";
import { CURVES, der, jwk, pem } from "../../lib/key-material.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { KEY_CASES, materialOf } from "./cases.ts";

describe("keys as they are found", () => {
  it.each(KEY_CASES)("$name", async ({ material, shown, refused }) => {
    const { hsm, alice } = await activeHsm();
    const take = () => hsm.importKey(alice, { material: materialOf(material) });
    if (refused === undefined) {
      expect(await take()).toMatchObject(shown ?? {});
      return;
    }
    const fault = await faultOf(take);
    expect(fault.code).toBe(refused[0]);
    expect(new HsmError(fault).message).toContain(refused[1]);
    expect(hsm.listKeys(alice).keys).toEqual([]);
  });

  it("make the very same key, whatever they came in", async () => {
    const { hsm, alice } = await activeHsm();
    const kept = new Map<string, string>();
    for (const { material, shown } of KEY_CASES) {
      if (shown?.publicKeyPem === undefined) continue;
      const view = await hsm.importKey(alice, { material: materialOf(material) });
      if (view.class !== "private") continue;
      const exported = await hsm.exportKey(alice, view.handle, "pem");
      const text = "pem" in exported ? exported.pem : "";
      expect(text).toBe(kept.get(shown.publicKeyPem) ?? text);
      kept.set(shown.publicKeyPem, text);
    }
    expect(kept.size).toBeGreaterThan(3);
  });
});

describe("what is kept of a key", () => {
  async function keptOf(material: KeyMaterial): Promise<Buffer> {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.importKey(alice, { material });
    const exported = await hsm.exportKey(alice, handle, "pkcs8");
    if (!("key" in exported)) throw new Error("expected bytes");
    return exported.key.use((bytes) => Buffer.from(bytes));
  }

  const KEYS: readonly [string, KeyObject][] = [
    ...([2048, 3072, 4096] as const).map((bits): [string, KeyObject] => [
      `RSA of ${bits} bits`,
      rsaKey(bits),
    ]),
    ...CURVES.flatMap(([name, namedCurve]) =>
      Array.from({ length: 8 }, (_, i): [string, KeyObject] => [
        `EC on ${name}, ${i}`,
        generateKeyPairSync("ec", { namedCurve }).privateKey,
      ]),
    ),
  ];

  it.each(KEYS)("is what OpenSSL writes, byte for byte: %s", async (_, key) => {
    const canonical = der(key, "pkcs8");
    const original = createPrivateKey({
      key: Buffer.from(canonical),
      format: "der",
      type: "pkcs8",
    });
    for (const material of [
      { format: "pkcs8", key: SecretKey.copyOf(canonical) },
      { format: "pem", pem: pem(key, "pkcs8") },
      { format: "jwk", jwk: jwk(original) },
    ] satisfies KeyMaterial[]) {
      expect((await keptOf(material)).equals(canonical)).toBe(true);
    }
  });

  it.each(KEYS.slice(0, 5))("is the same from the older forms: %s", async (_, key) => {
    const older = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
    const kept = await keptOf({ format: "pem", pem: pem(key, older) });
    expect(kept.equals(der(key, "pkcs8"))).toBe(true);
  });
});
