import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeDer } from "../../../src/crypto/der.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { KeyMaterial } from "../../../src/hsm/keys/material.ts";
import type { SignMechanism } from "../../../src/hsm/keys/signing.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { snapshotSource, stateDigest } from "../../../src/hsm/memory/snapshot.ts";
import { HsmError } from "../../../src/hsm/rules/errors.ts";
import { activeHsm, blankHsm, faultOf, passwordOf } from "../../lib/hsm.ts";
import { CURVES, der, EC, jwk, pem } from "../../lib/key-material.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { derBytes, derTree } from "../certificates/der-tree.ts";
import { restored } from "../memory/records.ts";
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
    for (const { name, material, shown } of KEY_CASES) {
      // The order of the primes is part of the key.
      const isOtherOrder = name === "RSA JWK with the smaller prime first";
      if (shown?.publicKeyPem === undefined || isOtherOrder) continue;
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

describe("keys held by older rules", () => {
  /** PKCS#8 that no import keeps any more: of a SEC 1 key as it was, and with a wrong qi. */
  const HELD: readonly [string, SignMechanism, Uint8Array][] = [
    ["parameters inside", "ecdsa-sha256", withParameters(der(EC["P-256"]!.privateKey, "pkcs8"))],
    ["a wrong qi", "rsa-pkcs-sha256", withWrongQi(der(rsaKey(2048), "pkcs8"))],
  ];

  function withParameters(pkcs8: Uint8Array): Uint8Array {
    const tree = derTree(pkcs8);
    const octets = tree.children?.[2];
    const inner = derTree(octets?.contents ?? pkcs8);
    const [version, number, point] = (inner.children ?? []).map((node) => derBytes(node));
    const curve = encodeDer(0xa0, derBytes(derTree(pkcs8).children![1]!.children![1]!));
    const key = encodeDer(0x30, version!, number!, curve, point!);
    return derBytes(tree, (node) => (node === octets ? encodeDer(0x04, key) : null));
  }

  function withWrongQi(pkcs8: Uint8Array): Uint8Array {
    const changed = pkcs8.slice();
    changed[changed.length - 1]! ^= 2;
    return changed;
  }

  it.each(HELD)("are restored, used and exported as they are: %s", async (_, mechanism, pkcs8) => {
    const { hsm, alice, store, core } = await activeHsm();
    const good = mechanism.startsWith("rsa") ? rsaKey(2048) : EC["P-256"]!.privateKey;
    const material = { format: "pem", pem: pem(good, "pkcs8") } as const;
    const asked = { sign: true, verify: true };
    const { handle } = await hsm.importKey(alice, { material, attributes: asked });
    const { attributes } = store.get(RECORD_TYPE.key, handle)!;
    store.transaction(() => {
      const secret = SecretKey.copyOf(pkcs8);
      store.put({ type: RECORD_TYPE.key, id: handle, attributes, secret }, "");
    });
    const back = await blankHsm(restored(snapshotSource(store).records()));
    expect(stateDigest(back.store, core)).toEqual(stateDigest(store, core));
    const { token } = await back.hsm.login("alice", passwordOf("alice"));
    const data = Uint8Array.of(1, 2, 3);
    const signature = await back.hsm.sign(token, handle, mechanism, data);
    expect(await back.hsm.verify(token, handle, { mechanism, data, signature })).toBe(true);
    const exported = await back.hsm.exportKey(token, handle, "pkcs8");
    expect("key" in exported ? exported.key.use((key) => key.slice()) : null).toEqual(pkcs8);
  });
});
