import { describe, expect, it } from "vitest";
import type { KeyImport } from "../../../src/hsm/keys/import.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { activeHsm, codeOf, faultOf } from "../../lib/hsm.ts";
import { EC, pem, raw } from "../../lib/key-material.ts";

describe("bulk import", () => {
  it("gives handles in order", async () => {
    const { hsm, alice } = await activeHsm();
    const requests: KeyImport[] = ["a", "b", "c"].map((label) => ({
      material: raw("aes", 16),
      attributes: { label },
    }));
    const handles = await hsm.importKeys(alice, requests);
    expect(handles.map((handle) => hsm.describeKey(alice, handle).label)).toEqual(["a", "b", "c"]);
  });

  it("takes all or none, and names the item", async () => {
    const { hsm, alice, store } = await activeHsm();
    const requests: KeyImport[] = [
      { material: raw("aes", 16) },
      { material: raw("aes", 16), attributes: { label: "x".repeat(129) } },
    ];
    const fault = await faultOf(() => hsm.importKeys(alice, requests));
    expect(fault).toMatchObject({
      code: "batch_item",
      index: 1,
      cause: { code: "attribute_refused", attribute: "label" },
    });
    expect(store.count(RECORD_TYPE.key)).toBe(0);
  });

  it("refuses more than 500", async () => {
    const { hsm, alice } = await activeHsm();
    const requests = Array.from({ length: 501 }, () => ({ material: raw("aes", 16) }));
    expect(await codeOf(() => hsm.importKeys(alice, requests))).toBe("batch_limit");
    await hsm.importKeys(alice, requests.slice(1));
  });
});

describe("the limits of the hardware", () => {
  const aes = { material: raw("aes", 16) };

  it("holds 3,300 keys on hsm1.medium and refuses one more", async () => {
    const { hsm, alice, store } = await activeHsm("hsm1.medium");
    for (let held = 0; held < 3_300; held += 300) {
      await hsm.importKeys(alice, Array(300).fill(aes));
    }
    expect(store.count(RECORD_TYPE.key)).toBe(3_300);
    expect(await codeOf(() => hsm.importKey(alice, aes))).toBe("key_limit");
  });

  it("holds 3,333 RSA and EC keys on hsm2m.medium, and 16,666 in all", async () => {
    const { hsm, alice, store } = await activeHsm();
    const pair = await hsm.importKey(alice, {
      material: { format: "pem", pem: pem(EC["P-256"]!.privateKey, "pkcs8") },
    });
    // Copies of one record stand for keys: importing thousands of pairs takes too long for a test.
    const row = store.get(RECORD_TYPE.key, pair.handle)!;
    store.transaction(() => {
      for (let id = 2; id <= 3_332; id++) {
        const secret = store.secret(RECORD_TYPE.key, pair.handle);
        store.put({ type: RECORD_TYPE.key, id, attributes: row.attributes, secret }, "");
      }
    });
    const generate = () => hsm.generateKeyPair(alice, { type: "ec", curve: "P-256" });
    await generate();
    expect(await codeOf(generate)).toBe("asymmetric_key_limit");
    for (let held = 3_333; held < 16_666; held += 500) {
      await hsm.importKeys(alice, Array(Math.min(500, 16_666 - held)).fill(aes));
    }
    expect(store.count(RECORD_TYPE.key)).toBe(16_666);
    expect(await codeOf(() => hsm.importKey(alice, aes))).toBe("key_limit");
    expect(await codeOf(generate)).toBe("key_limit");
  });
});
