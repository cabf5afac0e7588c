import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";
import { MAX_BUNDLE_PEM_CHARACTERS } from "../../../src/hsm/rules/limits.ts";
import { generateFullCluster } from "../../lib/generator.ts";
import { activeHsm, CHEAP, codeOf, faultOf } from "../../lib/hsm.ts";

function read(name: string): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
}

const LEAF = read("leaf.pem");
const INTERMEDIATE = read("intermediate.pem");
const CA = read("ca.pem");
const CHAIN = `${LEAF}${INTERMEDIATE}${CA}`;

describe("certificates", () => {
  it("show what Node reads in them", async () => {
    const { hsm, alice } = await activeHsm();
    const [view] = hsm.importCertificates(alice, LEAF);
    const node = new X509Certificate(LEAF);
    expect(view).toMatchObject({
      subject: "O=Holdfast tests, CN=leaf.test",
      issuer: "O=Holdfast tests, CN=Intermediate",
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
    const views = hsm.importCertificates(alice, `text\n${CHAIN}\nmore text\n${LEAF}`);
    expect(views).toHaveLength(4);
    expect(views[3]).toEqual(views[0]);
    expect(hsm.listCertificates(alice)).toEqual(views.slice(0, 3));
  });

  it("are deleted by their owner", async () => {
    const { hsm, alice, bob } = await activeHsm();
    const [view] = hsm.importCertificates(alice, LEAF);
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
    const views = hsm.importCertificates(alice, rootCertificates.join("\n"));
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
    const [view] = hsm.importCertificates(alice, certificatesPem);
    expect(view?.pem.length).toBeGreaterThan(19_000);
    const longer = certificatesPem.replace("-----\n", `-----\n${"A".repeat(1_000)}`);
    expect(await codeOf(() => hsm.importCertificates(alice, longer))).toBe(
      "certificate_unreadable",
    );
  });

  it("are 1,024 at most; one that is held already is no more", async () => {
    const { hsm, alice, store } = await activeHsm();
    const [leaf] = hsm.importCertificates(alice, LEAF);
    const type = RECORD_TYPE.certificate;
    const { attributes } = store.get(type, leaf!.id)!;
    store.transaction(() => {
      for (let id = 2; id < 1_024; id++) {
        store.put({ type, id, attributes, secret: null }, `copy ${id}`);
      }
    });
    hsm.importCertificates(alice, INTERMEDIATE);
    expect(store.count(type)).toBe(1_024);
    expect(await codeOf(() => hsm.importCertificates(alice, CA))).toBe("certificate_limit");
    expect(hsm.importCertificates(alice, LEAF)).toEqual([leaf]);
  });

  it.each([
    ["no block", "nothing here", 0],
    ["a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", 0],
    ["no Base64", `${LEAF}-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----`, 1],
    ["no X.509", `${LEAF}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`, 1],
    ["too much", " ".repeat(MAX_BUNDLE_PEM_CHARACTERS + 1), 0],
  ])("refuse text with %s, as a whole", async (_, pem, index) => {
    const { hsm, alice } = await activeHsm();
    const fault = await faultOf(() => hsm.importCertificates(alice, pem));
    expect(fault).toMatchObject({ code: "certificate_unreadable", index });
    expect(hsm.listCertificates(alice)).toEqual([]);
  });

  it("are read in time linear in hostile text", async () => {
    const { hsm, alice } = await activeHsm();
    const hostile = "-----BEGIN CERTIFICATE-----".repeat(150_000);
    expect(hostile.length).toBeLessThan(MAX_BUNDLE_PEM_CHARACTERS);
    const started = performance.now();
    const take = () => hsm.importCertificates(alice, hostile);
    expect(await codeOf(take)).toBe("certificate_unreadable");
    // In the square of it: minutes.
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
