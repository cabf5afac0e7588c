/**
 * The worked example of FORMAT.md §10: one small backup with every value on the way to it.
 *
 * Keys are written down, not drawn, so that another implementation can follow with stock libraries.
 */
import { createHash } from "node:crypto";
import { encodeCbor } from "../../../src/backup/format/cbor.ts";
import { derivePbk, type Keyring, type KeyVersion } from "../../../src/backup/format/keys.ts";
import { LABEL, labelBytes } from "../../../src/backup/format/layout.ts";
import { BodySealer } from "../../../src/backup/seal/body.ts";
import { decodeEnvelope, sealEnvelope } from "../../../src/backup/seal/envelope.ts";
import { keySchedule, suiteId } from "../../../src/backup/seal/hpke.ts";
import { encapsulate, hybridPublicKey } from "../../../src/backup/seal/hybrid-kem.ts";
import { localKms } from "../../../src/backup/seal/kms.ts";
import { encryptionContext, locationTexts } from "../../../src/backup/seal/location.ts";
import { RECIPIENT } from "../../../src/backup/seal/recipient.ts";
import { deriveSealKeys } from "../../../src/backup/seal/recipients.ts";
import { wrapForHybrid } from "../../../src/backup/seal/recovery-hybrid.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { STATE_DIGEST_LABEL } from "../../../src/hsm/memory/state-digest.ts";
import { counterRandom, hex, LOCATION, record, recoveryPublicKey, subtle } from "../fixtures.ts";
import { rsaOaep } from "../vectors/fixed-subtle.ts";
import { forge, join, manifestEntry, u32 } from "../vectors/forge.ts";

const RECORD = record(5, 1, "key", "secret");
const LINE_DIGITS = 96;

/** `length` bytes counting up from `first`. */
function counting(first: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
}

function version(id: number, key: number): KeyVersion & { readonly key: SecretKey } {
  return {
    id: counting(id, 16),
    version: 1,
    state: "active",
    key: new SecretKey(counting(key, 32)),
  };
}

const MKBK = version(0x10, 0x00);
const AKBK = version(0x30, 0x40);
const RING: Keyring = { manufacturer: "Example Works", mkbk: [MKBK], akbk: [AKBK] };

type Values = (readonly [name: string, bytes: Uint8Array | string])[];

/** The text between the marks of §10. */
export async function workedExample(core: Core): Promise<string> {
  const forged = forge(core, { records: [RECORD], ring: RING, seed: "worked example" });
  return [
    "Keys are plain on purpose. `counting(a, n)` is n bytes that count up from a.",
    "",
    "### 10.1 From MKBK and AKBK to the PBK",
    "",
    block(keyValues(core)),
    "### 10.2 Container",
    "",
    'One record of type 5, number 1: attributes `{1: "key"}`, secret `"secret"`. EBK and MAC key are as printed.',
    "",
    block(containerValues(forged)),
    "### 10.3 Seal",
    "",
    "CMK `counting(60, 32)` with key id `local/example`; data key `counting(80, 32)`; nonces as printed.",
    "",
    block(await sealValues(core, forged)),
    "### 10.4 Recovery keys",
    "",
    "The same data key, seal id and location. The hybrid key's seed is `counting(c0, 32)`. The RSA key is that of",
    "test/vectors/keys/rsa_holder/kit.json; OAEP's seed is `counting(e0, 32)`.",
    "",
    block(await recoveryValues(core)),
    "### 10.5 Many cases",
    "",
    'For n from 0 to 999, with `h(x) = SHA-256(x ‖ u32 n)`: MKBK `h("mkbk")`, AKBK `h("akbk")`, mkbkId the first 16 bytes of',
    '`h("mkbk-id")`, akbkId those of `h("akbk-id")`, mkbkVersion n + 1, akbkVersion 1000 − n. SHA-256 of all `PBK ‖ pbkId`, joined:',
    "",
    block([["digest", manyCases(core)]]),
    "",
  ].join("\n");
}

function block(values: Values): string {
  const lines = values.map(([name, bytes]) => {
    const digits = typeof bytes === "string" ? bytes : hex(bytes);
    const parts = digits.match(new RegExp(`.{1,${LINE_DIGITS}}`, "g")) ?? ["(empty)"];
    return `${name}\n${parts.map((part) => `  ${part}`).join("\n")}`;
  });
  return `\`\`\`\n${lines.join("\n")}\n\`\`\`\n`;
}

function keyValues(core: Core): Values {
  const ids = join(Uint8Array.of(0, 1), MKBK.id, u32(1), AKBK.id, u32(1));
  const context = join(Uint8Array.of(0, 1, 0, 1, 1, 0), ids);
  using c = core.kdfCounter(MKBK.key, LABEL.mkbkComponent, ids, 32);
  using input = AKBK.key.use((bytes) => new SecretKey(join(bytes, ids)));
  using kdk = core.kdfHmacSha256(c, input);
  using pbk = derivePbk(core, MKBK, AKBK);
  return [
    ["MKBK = counting(00, 32)", MKBK.key.use(copy)],
    ["mkbkId = counting(10, 16), version 1", MKBK.id],
    ["AKBK = counting(40, 32)", AKBK.key.use(copy)],
    ["akbkId = counting(30, 16), version 1", AKBK.id],
    ["ids", ids],
    ["C", c.use(copy)],
    ["KDK", kdk.use(copy)],
    ["context of the PBK", context],
    ["PBK", pbk.key.use(copy)],
    ["pbkId", pbk.id],
  ];
}

function containerValues(forged: ReturnType<typeof forge>): Values {
  const { front, container, keyBlock, payload, plainFrames, ebk, macKey } = forged;
  const frameAt = front.length + 32;
  return [
    ["EBK", ebk],
    ["MAC key", macKey],
    ["prologue", front.subarray(0, 16)],
    ["header", front.subarray(16)],
    ["SHA-256(prologue ‖ header)", sha256(front)],
    ["key block", keyBlock],
    ["header MAC", container.subarray(front.length, frameAt)],
    ["record", RECORD.bytes],
    ["manifest entry", manifestEntry(RECORD)],
    ["state digest", sha256(join(labelBytes(STATE_DIGEST_LABEL), manifestEntry(RECORD)))],
    ["payload", payload],
    ["plaintext of frame 0", plainFrames[0] ?? new Uint8Array(0)],
    ["frame 0", container.subarray(frameAt, -32)],
    ["trailer MAC", container.subarray(-32)],
    ["container digest", sha256(container)],
  ];
}

async function sealValues(
  core: Core,
  { keyBlock, container }: ReturnType<typeof forge>,
): Promise<Values> {
  const random = counterRandom("worked example/seal");
  const sealId = counting(0xa0, 16);
  const containerDigest = sha256(container);
  const sealing = { sealId, containerDigest };
  using dataKey = new SecretKey(counting(0x80, 32));
  const cmk = new SecretKey(counting(0x60, 32));
  const kms = localKms(subtle, random, [{ id: "local/example", state: "active", key: cmk }]);
  const wrapped = await kms.wrap(dataKey, encryptionContext(LOCATION));
  using keys = deriveSealKeys(core, dataKey, sealing);
  const sealer = new BodySealer(core, subtle, keys, container.length);
  const pieces: Uint8Array[] = [];
  for await (const piece of sealer.seal([container])) pieces.push(piece);
  const recipients = [{ kind: RECIPIENT.kms, keyId: kms.keyId ?? "", wrapped }];
  const { commitment } = keys;
  const address = { ...sealing, commitment, envelopeNumber: 1, location: LOCATION, recipients };
  const clear = { ...address, ...sealer.sealed() };
  const envelope = await sealEnvelope(subtle, random, keys, clear, keyBlock);
  const { authenticated, nonce, sealedKeyBlock } = decodeEnvelope(envelope);
  return [
    ["sealId = counting(a0, 16)", sealId],
    ["wrapped data key", wrapped],
    ["body key", keys.bodyKey.use(copy)],
    ["envelope key", keys.envelopeKey.use(copy)],
    ["commitment", commitment],
    ["nonce of segment 0, the last", join(new Uint8Array(11), Uint8Array.of(1))],
    ["associated data of the body", join(labelBytes(LABEL.sealBody), sealId)],
    ["body", join(...pieces)],
    ["body digest", clear.bodyDigest],
    ["prologue and clear part of the envelope", authenticated],
    ["nonce of the envelope", nonce],
    ["sealed key block", sealedKeyBlock],
  ];
}

async function recoveryValues(core: Core): Promise<Values> {
  const platform = { core, subtle };
  const sealId = counting(0xa0, 16);
  using dataKey = new SecretKey(counting(0x80, 32));
  using seed = new SecretKey(counting(0xc0, 32));
  const publicKey = await hybridPublicKey(seed);
  const texts = locationTexts(LOCATION);
  const context = encodeCbor([texts, sealId, sha256(publicKey)]);
  using coins = core.kdfCounter(dataKey, LABEL.recoveryCoins, context, 64);
  const info = join(labelBytes(LABEL.recoveryHpke), encodeCbor([...texts, sealId]));
  const encapsulated = await encapsulate(publicKey, coins);
  if (encapsulated === null) throw new Error("the key of the example is sound");
  using sharedSecret = encapsulated.sharedSecret;
  using keys = keySchedule(core, suiteId(0x647a), sharedSecret, info);
  const wrapped = await wrapForHybrid(platform, publicKey, dataKey, info, coins);
  const label = join(labelBytes(LABEL.recovery), encodeCbor([...texts, sealId]));
  const { bytes: spki } = recoveryPublicKey("rsa");
  const ofRsa = dataKey.use((bytes) => rsaOaep(spki, bytes, label, counting(0xe0, 32)));
  const challengeId = counting(0x50, 16);
  using secret = new SecretKey(counting(0x90, 32));
  using answer = core.kdfCounter(secret, LABEL.recoveryAnswer, challengeId, 16);
  return [
    ["hybrid public key", publicKey],
    ["SHA-256(public key), of which the first 16 bytes are the key id", sha256(publicKey)],
    ["context of the coins", context],
    ["coins", coins.use(copy)],
    ["info", info],
    ["shared secret of the KEM", sharedSecret.use(copy)],
    ["HPKE key", keys.key.use(copy)],
    ["HPKE base nonce", keys.baseNonce.use(copy)],
    ["hybrid wrap: enc ‖ ciphertext and tag", wrapped],
    ["SHA-256 of the RSA key's SubjectPublicKeyInfo", sha256(spki)],
    ["OAEP label", label],
    ["RSA wrap", ofRsa],
    [
      "answer to a challenge of id counting(50, 16) with the secret counting(90, 32)",
      answer.use(copy),
    ],
  ];
}

function manyCases(core: Core): Uint8Array {
  const all = createHash("sha256");
  for (let n = 0; n < 1000; n++) {
    const h = (text: string) => sha256(join(Buffer.from(text), u32(n)));
    const key = (name: string, number: number) => ({
      id: h(`${name}-id`).subarray(0, 16),
      version: number,
      key: new SecretKey(h(name)),
    });
    using pbk = derivePbk(core, key("mkbk", n + 1), key("akbk", 1000 - n));
    all.update(pbk.key.use(copy)).update(pbk.id);
  }
  return all.digest();
}

function copy(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}

function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(bytes).digest());
}
