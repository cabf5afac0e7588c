/** Who of several recipients opens a seal, and what is said if none does. FORMAT.md §7.4. */
import { describe, expect, it } from "vitest";
import type { BackupError, BackupFault } from "../../../src/backup/format/errors.ts";
import type { Openers } from "../../../src/backup/seal/data-key.ts";
import { decodeEnvelope } from "../../../src/backup/seal/envelope.ts";
import { type CustomerKey, type Kms, localKms } from "../../../src/backup/seal/kms.ts";
import { encryptionContext } from "../../../src/backup/seal/location.ts";
import { RECIPIENT, type Recipient } from "../../../src/backup/seal/recipient.ts";
import { openSeal } from "../../../src/backup/seal/recipients.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import { counterRandom, LOCATION, SMALL_MEMORY, subtle, testKit, testKms } from "../fixtures.ts";
import { forge, forgeSeal } from "../vectors/forge.ts";
import { flip } from "../vectors/maker.ts";

const core: Core = await loadCore();
const forged = forge(core, { records: SMALL_MEMORY });
const { recoveryKeys } = testKit();

/** An own recipient of each kind, and wraps that open nothing. */
const { own, kit } = await (async () => {
  const { envelope } = await forgeSeal(core, forged);
  const [kms, recovery] = decodeEnvelope(envelope).clear.recipients;
  if (kms === undefined || recovery === undefined) throw new Error("both were made");
  return { own: kms, kit: recovery };
})();
const broken = (recipient: Recipient): Recipient => ({
  ...recipient,
  wrapped: flip(recipient.wrapped, -1),
});
const kmsKey = (keyId: string): Recipient => ({
  kind: RECIPIENT.kms,
  keyId,
  wrapped: new Uint8Array(61),
});
const foreignKit: Recipient = { ...kit, keyId: "00".repeat(16) };

const DESTROYED: CustomerKey = { id: "destroyed", state: "destroyed", key: null };
const ownId = own.keyId;

/** A KMS over the test's own, with what it was asked. */
function watched(unwrap: Kms["unwrap"] = testKms().unwrap): { kms: Kms; asked: string[] } {
  const asked: string[] = [];
  const kms: Kms = {
    ...testKms(),
    unwrap: async (keyId, wrapped, context) => {
      asked.push(keyId);
      return await unwrap(keyId, wrapped, context);
    },
  };
  return { kms, asked };
}

async function open(recipients: Recipient[], openers: Openers): Promise<BackupFault | "opened"> {
  // The wraps are over one data key: both seals come from one seed.
  const { envelope } = await forgeSeal(core, forged, { recipient: () => recipients });
  const { clear } = decodeEnvelope(envelope);
  return await openSeal({ core, subtle }, openers, clear).then(
    (keys) => {
      keys[Symbol.dispose]();
      return "opened" as const;
    },
    (error: BackupError) => error.fault ?? Promise.reject(error),
  );
}

const OUTAGE = new Error("the KMS does not answer");
const out = () => watched(() => Promise.reject(OUTAGE));

describe("recipients", () => {
  it("are asked in the order in which they stand, until one opens", async () => {
    const { kms, asked } = watched();
    expect(await open([kit, own], { kms, recoveryKeys })).toBe("opened");
    expect(asked).toEqual([]);
    expect(await open([kmsKey("a"), own, kmsKey("b"), kit], { kms, recoveryKeys })).toBe("opened");
    expect(asked).toEqual(["a", ownId]);
  });

  it.each<[string, Recipient[]]>([
    ["a recovery wrap that is refused", [broken(kit), own]],
    ["another kit's wrap", [foreignKit, own]],
    ["a KMS key that is not there", [kmsKey("a"), own]],
    ["a KMS wrap that is refused", [broken(own), kit]],
  ])("behind %s open the seal", async (_, recipients) => {
    expect(await open(recipients, { kms: testKms(), recoveryKeys })).toBe("opened");
  });

  it("behind a data key of another length open the seal", async () => {
    const { unwrap } = testKms();
    const { kms } = watched((keyId, wrapped, context) =>
      keyId === ownId
        ? unwrap(keyId, wrapped, context)
        : Promise.resolve(new SecretKey(new Uint8Array(16))),
    );
    const openers = { kms, recoveryKeys: [] };
    expect(await open([kmsKey("short"), own], openers)).toBe("opened");
    expect(await open([kmsKey("short")], openers)).toMatchObject({ id: "short", found: "refused" });
  });
});

describe("a KMS that is out", () => {
  it("does not keep the others from opening the seal, and is asked once", async () => {
    const { kms, asked } = out();
    const recipients = [kmsKey("a"), own, kit];
    expect(await open(recipients, { kms, recoveryKeys })).toBe("opened");
    expect(asked).toEqual(["a"]);
  });

  it.each<[string, Recipient[]]>([
    ["alone", [own]],
    ["before one that refuses", [own, broken(kit)]],
    ["behind one that refuses", [broken(kit), own]],
  ])("%s is the answer if nobody opens", async (_, recipients) => {
    await expect(open(recipients, { kms: out().kms, recoveryKeys })).rejects.toBe(OUTAGE);
  });
});

describe("if nobody opens", () => {
  const kms = localKms(subtle, counterRandom("kms"), [
    DESTROYED,
    { id: ownId, state: "active", key: new SecretKey(counterRandom("another")(32)) },
    { id: "other", state: "active", key: new SecretKey(counterRandom("other")(32)) },
  ]);
  const [absent, destroyed, refused] = [kmsKey("absent"), kmsKey("destroyed"), own];

  it.each<[string, Recipient[], Partial<BackupFault>]>([
    ["a refusal", [refused, destroyed, absent], { id: ownId, found: "refused" }],
    ["the last refusal", [refused, kmsKey("other"), absent], { id: "other", found: "refused" }],
    ["a kit's refusal, if it is the last", [refused, broken(kit)], { which: "recovery" }],
    ["a KMS' refusal, if it is the last", [broken(kit), refused], { which: "cmk" }],
    ["that one is destroyed", [destroyed, absent, foreignKit], { found: "destroyed" }],
    ["the last that is absent", [kmsKey("a"), absent], { id: "absent", found: "absent" }],
    ["the kit's, if it is the last absent", [absent, foreignKit], { id: foreignKit.keyId }],
  ])("the answer is %s", async (_, recipients, fault) => {
    expect(await open(recipients, { kms, recoveryKeys })).toMatchObject(fault);
  });

  it.each<[string, Recipient[], Openers, Partial<BackupFault>]>([
    ["a KMS", [kit], { kms, recoveryKeys: [] }, { which: "recovery", id: kit.keyId }],
    ["a kit", [own], { kms: null, recoveryKeys }, { which: "cmk", id: ownId }],
    ["nothing", [kit, own], { kms: null, recoveryKeys: [] }, { which: "recovery" }],
    ["nothing at all", [own, kit], { kms: null, recoveryKeys: [] }, { which: "cmk" }],
  ])("of whom %s could ask, the first is absent", async (_, recipients, openers, fault) => {
    expect(await open(recipients, openers)).toMatchObject({ ...fault, found: "absent" });
  });
});

describe("the wraps of these tests", () => {
  it("open by themselves", async () => {
    const { unwrap } = testKms();
    using dataKey = await unwrap(ownId, own.wrapped, encryptionContext(LOCATION));
    expect(dataKey.length).toBe(32);
    expect(await open([kit], { kms: null, recoveryKeys })).toBe("opened");
  });
});
