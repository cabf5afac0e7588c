import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { encodePem } from "../../../src/crypto/pem.ts";
import { certificateCodec } from "../../../src/hsm/memory/certificate-record.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { readAttributes } from "../../../src/hsm/memory/store.ts";
import { MAX_BUNDLE_PEM_CHARACTERS } from "../../../src/hsm/rules/limits.ts";
import { generateFullCluster } from "../../lib/generator.ts";
import { activeHsm, CHEAP, codeOf, faultOf } from "../../lib/hsm.ts";

function read(name: string): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
}

const LEAF = read("leaf.pem");
const INTERMEDIATE = read("intermediate.pem");
const CA = read("ca.pem");
const NO_X509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const CHAIN = `${LEAF}${INTERMEDIATE}${CA}`;

describe("certificates", () => {
  it("show what Node reads in them", async () => {
    const { hsm, alice } = await activeHsm();
    const [view] = await hsm.importCertificates(alice, LEAF);
    const node = new X509Certificate(LEAF);
    expect(view).toMatchObject({
      subject: "CN=leaf.test,O=Holdfast tests",
      issuer: "CN=Intermediate,O=Holdfast tests",
      serialNumber: node.serialNumber.toLowerCase(),
      notBeforeMs: Date.parse(node.validFrom),
      notAfterMs: Date.parse(node.validTo),
      fingerprint: node.fingerprint256.replaceAll(":", "").toLowerCase(),
      owner: "alice",
    });
    expect(view?.pem.trim()).toBe(LEAF.trim());
  });

  it("come as chains, and the same one twice is kept once", async () => {
    const { hsm, alice } = await activeHsm();
    const views = await hsm.importCertificates(alice, `text\n${CHAIN}\nmore text\n${LEAF}`);
    expect(views).toHaveLength(4);
    expect(views[3]).toEqual(views[0]);
    expect(hsm.listCertificates(alice)).toEqual(views.slice(0, 3));
  });

  it("are deleted by their owner", async () => {
    const { hsm, alice, bob } = await activeHsm();
    const [view] = await hsm.importCertificates(alice, LEAF);
    expect(await codeOf(() => hsm.deleteCertificate(bob, view!.id))).toBe("not_permitted");
    hsm.deleteCertificate(alice, view!.id);
    expect(hsm.listCertificates(alice)).toEqual([]);
    expect(await codeOf(() => hsm.deleteCertificate(alice, view!.id))).toBe(
      "certificate_not_found",
    );
  });

  it("take the whole bundle of public roots", async () => {
    const { hsm, alice } = await activeHsm();
    expect(rootCertificates.length).toBeGreaterThan(100);
    const views = await hsm.importCertificates(alice, rootCertificates.join("\n"));
    expect(views.map(({ fingerprint }) => fingerprint)).toEqual(
      rootCertificates.map((pem) => {
        return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
      }),
    );
  });

  it("take one of 20,000 characters and refuse a longer one", async () => {
    const { hsm, alice } = await activeHsm();
    const { certificatesPem } = await generateFullCluster({
      keys: 1,
      users: 3,
      passwordCost: CHEAP,
    });
    const [view] = await hsm.importCertificates(alice, certificatesPem);
    expect(view?.pem.length).toBeGreaterThan(19_000);
    const longer = certificatesPem.replace("-----\n", `-----\n${"A".repeat(1_000)}`);
    expect(await codeOf(() => hsm.importCertificates(alice, longer))).toBe(
      "certificate_unreadable",
    );
  });

  it("are 1,024 at most; one that is held already is no more", async () => {
    const { hsm, alice, store } = await activeHsm();
    const [leaf] = await hsm.importCertificates(alice, LEAF);
    const type = RECORD_TYPE.certificate;
    const { attributes } = store.get(type, leaf!.id)!;
    store.transaction(() => {
      for (let id = 2; id < 1_024; id++) {
        store.put({ type, id, attributes, secret: null }, `copy ${id}`);
      }
    });
    await hsm.importCertificates(alice, INTERMEDIATE);
    expect(store.count(type)).toBe(1_024);
    expect(await codeOf(() => hsm.importCertificates(alice, CA))).toBe("certificate_limit");
    expect(await hsm.importCertificates(alice, LEAF)).toEqual([leaf]);
  });

  it.each([
    ["no block", "nothing here", 0],
    ["a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", 0],
    ["no Base64", `${LEAF}-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----`, 1],
    ["no X.509", `${LEAF}${NO_X509}`, 1],
    ["too much", " ".repeat(MAX_BUNDLE_PEM_CHARACTERS + 1), 0],
  ])("refuse text with %s, as a whole", async (_, pem, index) => {
    const { hsm, alice } = await activeHsm();
    const fault = await faultOf(() => hsm.importCertificates(alice, pem));
    expect(fault).toMatchObject({ code: "certificate_unreadable", index });
    expect(hsm.listCertificates(alice)).toEqual([]);
  });

  it("are refused unread where more than 1,024 begin in a text", async () => {
    const { hsm, alice } = await activeHsm();
    const hostile = "-----BEGIN CERTIFICATE-----".repeat(150_000);
    expect(hostile.length).toBeLessThan(MAX_BUNDLE_PEM_CHARACTERS);
    const fault = await faultOf(() => hsm.importCertificates(alice, hostile));
    expect(fault).toEqual({ code: "batch_limit", max: 1_024, got: 150_000 });
    expect(await hsm.importCertificates(alice, LEAF.repeat(1_024))).toHaveLength(1_024);
    expect(await codeOf(() => hsm.importCertificates(alice, LEAF.repeat(1_025)))).toBe(
      "batch_limit",
    );
  });

  it("are looked at for nobody who may not import them", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const tooMany = LEAF.repeat(1_025);
    for (const text of [tooMany, NO_X509, "nothing here", " ".repeat(5_000_000)]) {
      expect(await codeOf(() => hsm.importCertificates(admin, text))).toBe("not_permitted");
      expect(await codeOf(() => hsm.importCertificates("unknown", text))).toBe("session_invalid");
    }
    hsm.logout(alice);
    expect(await codeOf(() => hsm.importCertificates(alice, NO_X509))).toBe("session_invalid");
  });

  it("are not read again once they are held, whatever rules they came in under", async () => {
    const { hsm, alice, store, core } = await activeHsm();
    const [leaf] = await hsm.importCertificates(alice, LEAF);
    const type = RECORD_TYPE.certificate;
    const attributes = readAttributes(certificateCodec, store.get(type, leaf!.id)!);
    const der = Uint8Array.of(1, 2, 3);
    const fingerprint = core.sha256(der);
    store.transaction(() => {
      const old = certificateCodec.encode({ ...attributes, der, fingerprint });
      const name = Buffer.from(fingerprint).toString("hex");
      store.put({ type, id: 2, attributes: old, secret: null }, name);
    });
    const pem = encodePem("CERTIFICATE", der);
    const [again, held] = await hsm.importCertificates(alice, `${LEAF}${pem}`);
    expect([again?.id, held?.id]).toEqual([1, 2]);
    expect(held?.pem).toBe(pem);
    hsm.deleteCertificate(alice, 2);
    expect(await codeOf(() => hsm.importCertificates(alice, pem))).toBe("certificate_unreadable");
  });

  it("are not read where there is no room for them", async () => {
    const { hsm, alice, store } = await activeHsm();
    const [leaf] = await hsm.importCertificates(alice, LEAF);
    const type = RECORD_TYPE.certificate;
    const { attributes } = store.get(type, leaf!.id)!;
    store.transaction(() => {
      for (let id = 2; id <= 1_023; id++) {
        store.put({ type, id, attributes, secret: null }, `copy ${id}`);
      }
    });
    const two = `${LEAF}${NO_X509}${CA}`;
    expect(await codeOf(() => hsm.importCertificates(alice, two))).toBe("certificate_limit");
    const one = `${LEAF}${NO_X509}${NO_X509}`;
    expect(await faultOf(() => hsm.importCertificates(alice, one))).toMatchObject({
      code: "certificate_unreadable",
      index: 2,
    });
  });
});
