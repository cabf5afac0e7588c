/**
 * A second reader of docs/FORMAT.md: Node's own crypto, ML-KEM by the package mlkem, and nothing of the
 * product.
 *
 * node test/second-reader/read-backup.mjs BACKUP.hbk KIT.json [KMS.json [EXPECTATION.json]]
 * node test/second-reader/read-backup.mjs --batch
 *
 * Verifies a bare or sealed file from end to end and prints what is in it as JSON. A batch reads
 * requests from its input, one a line: {"file", "kit", "kms", "expectation"}; the first three are
 * paths, of which "kms" may be null, and an expectation has the form of test/vectors/index.json. It
 * answers each with a line: {"outcome": "opens", …} or {"outcome": "refused", "code", "which", "rule",
 * "why"}, code and which by §9.1, rule by §3.5.
 * Slow and plain: it proves the specification, not the code.
 */
import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  privateDecrypt,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { MlKem768 } from "mlkem";

// §3.5: what a rule says where it does not hold. Those that are not here say more than one thing.

const RULES = {
  ...{
    not_ours: "F-01",
    seal_missing: "F-02",
    location_mismatch: "S-01",
    envelope_replaced: "S-06",
  },
  envelope_damaged: "E-02 E-03 E-05 E-06 E-07 E-08 E-09 E-10 E-11 E-12 S-04 S-05",
  ...{ recipients_unknown: "S-02", key_mismatch: "S-03 H-05 H-06 H-07" },
  ...{ key_block_damaged: "K-04", body_damaged: "B-01", header_damaged: "H-02" },
  ...{ manufacturer_mismatch: "H-04 H-14", header_invalid: "H-09 H-10 H-11 H-12 H-13" },
  ...{ wrong_backup: "X-01 X-03", mode_mismatch: "X-02", chain_mismatch: "X-04" },
  ...{ chunk_damaged: "C-02", chunk_out_of_order: "C-03", trailer_damaged: "T-01" },
  ...{ record_invalid: "R-01 R-02 R-03 R-04 R-05 R-06", manifest_mismatch: "M-01 M-02" },
  ...{ body_digest_mismatch: "T-02", container_digest_mismatch: "T-03" },
};
const says = (rule) => Object.keys(RULES).find((code) => RULES[code].includes(rule));

class Refusal extends Error {
  constructor(rule, what, code, which) {
    super(`refused: ${what} (${rule}: ${code})`);
    this.answer = { code, ...(which && { which }), rule, why: this.message };
  }
}

function demand(condition, rule, what, code = says(rule), which = undefined) {
  if (!condition) throw new Refusal(rule, what, code, which);
}

/** The bytes that a rule reads; what ends before them is `truncated`. */
function bytesFor(rule, bytes, from, to) {
  demand(bytes.length >= to, rule, `ends before byte ${to}`, "truncated");
  return bytes.subarray(from, to);
}

/** Of a magic number that is cut, the bytes that are there decide. */
function demandMagic(rule, bytes, ...magics) {
  const there = bytes.subarray(0, 8);
  const begun = magics.filter((magic) => magic.subarray(0, there.length).equals(there));
  demand(begun.length > 0, rule, "magic number", "not_ours");
  bytesFor(rule, bytes, 0, 8);
  return begun[0];
}

/** Version or suite: 1. */
function demandOne(rule, what, value) {
  demand(value <= 1, rule, `${what} ${value}`, "newer_version");
  demand(value === 1, rule, `${what} ${value}`, "not_ours");
}

function demandLength(rule, what, length, expected) {
  demand(length >= expected, rule, `length of ${what}`, "truncated");
  demand(length <= expected, rule, `length of ${what}`, "trailing_data");
}

// §3.1: conventions

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
const label = (name) => Buffer.from(`holdfast/v1/${name}\0`);
const be = (value, bytes) => Buffer.from(value.toString(16).padStart(2 * bytes, "0"), "hex");
const isInteger = (value, min, max) => Number.isSafeInteger(value) && value >= min && value <= max;
const isText = (item, max) =>
  typeof item === "string" && isInteger(Buffer.byteLength(item), 1, max);
const isBytes = (item, min, max = min) => Buffer.isBuffer(item) && isInteger(item.length, min, max);
const MAX_INTEGER = 2 ** 53 - 1;

/** SP 800-108r1 counter mode; one or more blocks of HMAC-SHA-256. */
function kdf(key, name, context, bits) {
  const fixed = Buffer.concat([label(name), context, be(bits, 4)]);
  const blocks = [];
  for (let i = 1; i <= Math.ceil(bits / 256); i++) blocks.push(hmac(key, be(i, 4), fixed));
  return Buffer.concat(blocks).subarray(0, bits / 8);
}

/** What `work` gives; null: it refused. */
function attempt(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

function unwrap(cipher, iv, key, wrapped) {
  const decipher = createDecipheriv(cipher, key, Buffer.from(iv, "hex"));
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}
const kwUnwrap = (key, bytes) => unwrap("id-aes256-wrap", "a6a6a6a6a6a6a6a6", key, bytes);
const kwpUnwrap = (key, bytes) => unwrap("id-aes256-wrap-pad", "a65959a6", key, bytes);

function openGcm(key, nonce, aad, sealed) {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/**
 * The one item that `bytes` are, in the form that a writer would have written; throws on any other.
 * @param depth - how many levels there may be below the item.
 */
function decodeCbor(bytes, depth) {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let at = 0;
  function need(condition) {
    if (!condition) throw new Error(`CBOR: byte ${at}`);
  }
  function take(length) {
    need(length <= bytes.length - at);
    at += length;
    return bytes.subarray(at - length, at);
  }
  /** Shortest of its forms, and no larger than a number may be. */
  function argumentOf(short) {
    if (short < 24) return short;
    need(short < 28); // of definite length
    const width = 2 ** (short - 24);
    const argument = BigInt(`0x${take(width).toString("hex")}`);
    need(argument >= (width === 1 ? 24n : 1n << BigInt(4 * width)));
    need(argument <= MAX_INTEGER);
    return Number(argument);
  }
  function mapOf(size, left) {
    const map = new Map();
    let last = -1;
    for (let i = 0; i < size; i++) {
      need(bytes[at] >> 5 === 0);
      const key = item(left);
      need(key > last);
      map.set(key, item(left));
      last = key;
    }
    return map;
  }
  function item(left) {
    need(left >= 0);
    const [first] = take(1);
    const major = first >> 5;
    if (major === 7) {
      need(first >= 0xf4 && first <= 0xf6);
      return [false, true, null][first - 0xf4];
    }
    need(major !== 6); // a tag
    const argument = argumentOf(first & 31);
    if (major === 0) return argument;
    if (major === 1) return -1 - argument;
    if (major === 2) return take(argument);
    if (major === 3) return utf8.decode(take(argument));
    // An item takes a byte at least: nothing is allocated for those that cannot be there.
    need(argument <= bytes.length - at);
    if (major === 5) return mapOf(argument, left - 1);
    return Array.from({ length: argument }, () => item(left - 1));
  }
  const value = item(depth);
  need(at === bytes.length);
  return value;
}

/** A map with exactly the keys 1 to `count`, as those of §3.4 and §7.3 are; null: it is none. */
function decodeFields(bytes, count) {
  const map = attempt(() => decodeCbor(bytes, 3));
  const isWhole = map instanceof Map && map.size === count && map.has(1) && map.has(count);
  return isWhole ? map : null;
}

function encodeCbor(value) {
  const head = (major, length) => {
    if (length < 24) return Buffer.of((major << 5) | length);
    if (length < 256) return Buffer.of((major << 5) | 24, length);
    return Buffer.concat([Buffer.of((major << 5) | 25), be(length, 2)]);
  };
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
  const isString = typeof value === "string";
  const bytes = Buffer.from(value);
  return Buffer.concat([head(isString ? 3 : 2, bytes.length), bytes]);
}

// §7.4: recipients

/** Bech32 of BIP 173 without its limit: the bytes behind the prefix; the checksum is the kit's matter. */
function bech32Bytes(text) {
  const letters = text.slice(text.lastIndexOf("1") + 1, -6).toLowerCase();
  const bits = [...letters].map((letter) =>
    "qpzry9x8gf2tvdw0s3jn54khce6mua7l".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const whole = bits.join("").match(/.{8}/g) ?? [];
  return Buffer.from(whole.map((byte) => Number.parseInt(byte, 2)));
}

/** X25519 by Node: RFC 7748, keys as RFC 8410 has them. It throws where the result is zeros alone. */
function x25519(scalar, point) {
  const der = (prefix, bytes) => Buffer.concat([Buffer.from(prefix, "hex"), bytes]);
  const pkcs8 = der("302e020100300506032b656e04220420", scalar);
  const spki = der("302a300506032b656e032100", point);
  const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  const own = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  return { own, shared: diffieHellman({ privateKey, publicKey }) };
}

/** Hybrid: X-Wing, then HPKE's key schedule (RFC 9180 §5.1), then one message. */
async function openHybrid(seed, wrapped, info) {
  const expanded = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  const kem = new MlKem768();
  const [, decapsulationKey] = await kem.deriveKeyPair(expanded.subarray(0, 64));
  const mlKem = await kem.decap(wrapped.subarray(0, 1088), decapsulationKey);
  const ephemeral = wrapped.subarray(1088, 1120);
  const { own, shared } = x25519(expanded.subarray(64), ephemeral);
  const combined = Buffer.concat([mlKem, shared, ephemeral, own, Buffer.from("\\.//^\\")]);
  const secret = createHash("sha3-256").update(combined).digest();
  const suite = Buffer.from("HPKE\x64\x7a\x00\x01\x00\x02", "latin1");
  const named = (name, ...rest) => [Buffer.from("HPKE-v1"), suite, Buffer.from(name), ...rest];
  const nothing = Buffer.alloc(0);
  const context = Buffer.concat([
    be(0, 1),
    hmac(nothing, ...named("psk_id_hash")),
    hmac(nothing, ...named("info_hash", info)),
  ]);
  const extracted = hmac(secret, ...named("secret"));
  const expand = (name, length) =>
    hmac(extracted, be(length, 2), ...named(name, context), be(1, 1)).subarray(0, length);
  return openGcm(expand("key", 32), expand("base_nonce", 12), nothing, wrapped.subarray(1120));
}

/** RSA-OAEP. */
function openRsa(der, wrapped, oaepLabel) {
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails;
  if (modulusLength !== 3072 || publicExponent !== 65_537n) throw new Error("another kind of key");
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return privateDecrypt({ key, padding, oaepHash: "sha256", oaepLabel }, wrapped);
}

/** The local provider of a KMS. */
function openLocal(cmk, keyId, wrapped, location) {
  if (wrapped.length !== 61 || wrapped[0] !== 1) throw new Error("no local wrap");
  const names = ["holdfast:account", "holdfast:region", "holdfast:cluster", "holdfast:backup"];
  const context = encodeCbor([keyId, names.map((name, i) => [name, location[i]])]);
  const aad = Buffer.concat([label("local-kms"), context]);
  return openGcm(cmk, wrapped.subarray(1, 13), aad, wrapped.subarray(13));
}

const RECOVERY_KINDS = { 2: "rsa", 3: "hybrid" };

/** How one recipient answers: with a data key, or why not. */
async function askRecipient([kind, keyId, wrapped], { location, sealId }, { kit, kms }) {
  const which = kind === 1 ? "cmk" : "recovery";
  const privateKeys = kit.recoveryKeys.filter((key) => key.secretKey !== undefined);
  const known = Object.values(RECOVERY_KINDS);
  const recoveryKeys = privateKeys.filter((key) => known.includes(key.kind));
  if (kind === 1 ? kms === null : recoveryKeys.length === 0) return { which, why: "not asked" };
  const isMeant = (key) => key.id === keyId && key.kind === RECOVERY_KINDS[kind];
  const key = (kind === 1 ? kms.keys : recoveryKeys).find(isMeant);
  if (key === undefined) return { which, why: "absent" };
  if (key.state === "destroyed") return { which, why: "destroyed" };
  const labelled = (name) => Buffer.concat([label(name), encodeCbor([...location, sealId])]);
  const base64 = (text) => Buffer.from(text, "base64");
  const opened = {
    1: async () => openLocal(base64(key.key), keyId, wrapped, location),
    2: async () => openRsa(base64(key.secretKey), wrapped, labelled("recovery")),
    3: () => openHybrid(bech32Bytes(key.secretKey), wrapped, labelled("recovery-hpke")),
  };
  const dataKey = await opened[kind]().catch(() => null);
  return dataKey?.length === 32 ? { dataKey } : { which, why: "refused" };
}

/** S-03: the first recipient that opens, in their order. */
async function openDataKey(seal, keys) {
  const known = seal.recipients.filter(([kind]) => kind <= 3);
  demand(known.length > 0, "S-02", "kinds of recipients");
  const answers = [];
  for (const recipient of known) {
    const answer = await askRecipient(recipient, seal, keys);
    if (answer.dataKey) return answer.dataKey;
    answers.push(answer);
  }
  const last = (reason) => answers.findLast(({ why }) => why === reason);
  const told = last("refused") ?? last("destroyed") ?? last("absent") ?? answers[0];
  throw new Refusal("S-03", `no recipient: ${told.which} ${told.why}`, "key_mismatch", told.which);
}

// §7: the seal

const KEY_BLOCK_MAGIC = Buffer.from("8948464b0d0a1a0a", "hex");
const ENVELOPE_MAGIC = Buffer.from("894846450d0a1a0a", "hex");
const CONTAINER_MAGIC = Buffer.from("894846430d0a1a0a", "hex");
const KEY_BLOCK_BYTES = 176;
const SEGMENT_BYTES = 65_536;
const TAG_BYTES = 16;

/** §7.3, by the rules of the envelope. */
function readEnvelope(file) {
  demandOne("E-01", "version of the envelope", bytesFor("E-01", file, 8, 10).readUInt16BE());
  demand(bytesFor("E-02", file, 10, 12).readUInt16BE() === 0, "E-02", "reserved bytes");
  const clearBytes = bytesFor("E-03", file, 12, 16).readUInt32BE();
  demand(isInteger(clearBytes, 1, 32_768), "E-03", "length of the clear part");
  const clearEnd = 16 + clearBytes;
  const envelope = bytesFor("E-04", file, 0, clearEnd + 12 + KEY_BLOCK_BYTES + TAG_BYTES);
  const clear = decodeFields(envelope.subarray(16, clearEnd), 8);
  demand(clear !== null, "E-05", "form of the clear part");
  const [sealId, bodyBytes, bodyDigest, containerDigest, commitment, number, location, recipients] =
    clear.values();
  demand(isBytes(sealId, 16), "E-06", "seal id");
  for (const digest of [bodyDigest, containerDigest, commitment]) {
    demand(isBytes(digest, 32), "E-06", "a digest or the commitment");
  }
  demand(isInteger(bodyBytes, 177, 2_215_137_376), "E-06", "length of the body");
  const lastSegment = bodyBytes % (SEGMENT_BYTES + TAG_BYTES);
  demand(lastSegment === 0 || lastSegment > TAG_BYTES, "E-06", "length of the body");
  demand(isInteger(number, 1, 2 ** 32 - 1), "E-07", "envelope number");
  const isLocation = Array.isArray(location) && [2, 4].includes(location.length);
  demand(isLocation && location.every((text) => isText(text, 2048)), "E-08", "location");
  checkRecipients(recipients, location);
  return {
    ...{ envelope, clearEnd, sealId, bodyBytes, bodyDigest, containerDigest, commitment },
    ...{ number, location, recipients },
  };
}

function checkRecipients(recipients, location) {
  const isList = Array.isArray(recipients) && isInteger(recipients.length, 1, 8);
  demand(isList, "E-09", "number of recipients");
  for (const recipient of recipients) {
    demand(Array.isArray(recipient) && recipient.length === 3, "E-09", "form of a recipient");
    const [kind, keyId, wrapped] = recipient;
    demand(isInteger(kind, 1, 65_535), "E-09", "kind of a recipient");
    demand(isText(keyId, 2048), "E-09", "key id of a recipient");
    demand(isBytes(wrapped, 1, 6144), "E-09", "length of a wrap");
  }
  for (const [kind, , wrapped] of recipients) {
    const length = { 2: 384, 3: 1168 }[kind] ?? wrapped.length;
    demand(wrapped.length === length, "E-10", `length of a wrap of kind ${kind}`);
  }
  const names = new Set(recipients.map(([kind, keyId]) => `${kind} ${keyId}`));
  demand(names.size === recipients.length, "E-11", "a recipient twice");
  const hasKms = recipients.some(([kind]) => kind === 1);
  demand(!hasKms || location.length === 4, "E-12", "a KMS outside any deployment");
}

/** Envelope ‖ body: the key block, the container as it is opened, and what is checked behind it. */
async function openSealed(file, keys, expected) {
  const seal = readEnvelope(file);
  const { envelope, clearEnd, sealId, containerDigest } = seal;
  if (expected.location) {
    const { account, region, clusterId, backupId } = expected.location;
    const known = [account, region, clusterId, backupId].filter(Boolean);
    const isSame = known.length === seal.location.length;
    demand(isSame && known.every((text, i) => text === seal.location[i]), "S-01", "location");
  }
  const dataKey = await openDataKey(seal, keys); // S-02, S-03
  const context = Buffer.concat([sealId, containerDigest]);
  const commitment = kdf(dataKey, "seal-commitment", context, 256);
  demand(commitment.equals(seal.commitment), "S-04", "commitment");
  const envelopeKey = kdf(dataKey, "seal-envelope", context, 256);
  const nonce = envelope.subarray(clearEnd, clearEnd + 12);
  const [clear, sealed] = [envelope.subarray(0, clearEnd), envelope.subarray(clearEnd + 12)];
  const keyBlock = attempt(() => openGcm(envelopeKey, nonce, clear, sealed));
  demand(keyBlock !== null, "S-05", "key block in the envelope");
  if (expected.envelope) {
    const { number, digest } = expected.envelope;
    const isNewest = number === seal.number && digest === sha256(envelope).toString("hex");
    demand(isNewest, "S-06", "the newest envelope");
  }
  const body = file.subarray(envelope.length);
  demandLength("S-07", "the body", body.length, seal.bodyBytes);
  checkKeyBlock(keyBlock);
  return {
    keyBlock,
    container: sealedContainer(body, kdf(dataKey, "seal-body", context, 256), sealId),
    checkDigests: (digest) => {
      demand(sha256(body).equals(seal.bodyDigest), "T-02", "digest of the body");
      demand(digest.equals(containerDigest), "T-03", "digest of the container");
    },
  };
}

/** §7.2: the container in a body; `upTo(end)` opens segments until byte `end` of it is there. */
function sealedContainer(body, bodyKey, sealId) {
  const sealedBytes = SEGMENT_BYTES + TAG_BYTES;
  const aad = Buffer.concat([label("seal-body"), sealId]);
  const count = Math.ceil(body.length / sealedBytes);
  const bytes = Buffer.alloc(body.length - count * TAG_BYTES);
  let opened = 0;
  const upTo = (end) => {
    for (; opened < count && opened * SEGMENT_BYTES < end; opened++) {
      const last = opened === count - 1 ? 1 : 0;
      const nonce = Buffer.concat([Buffer.alloc(7), be(opened, 4), Buffer.of(last)]);
      const sealed = body.subarray(opened * sealedBytes, (opened + 1) * sealedBytes);
      const segment = attempt(() => openGcm(bodyKey, nonce, aad, sealed));
      demand(segment !== null, "B-01", `segment ${opened}`);
      segment.copy(bytes, opened * SEGMENT_BYTES);
    }
    return bytes.subarray(0, end);
  };
  return { length: bytes.length, upTo };
}

// §3.3, §5.2, §6.1: the key block

function checkKeyBlock(bytes) {
  demandMagic("K-01", bytes, KEY_BLOCK_MAGIC);
  demandOne("K-01", "version of the key block", bytesFor("K-01", bytes, 8, 10).readUInt16BE());
  bytesFor("K-02", bytes, 0, KEY_BLOCK_BYTES);
  demandOne("K-03", "suite", bytes.readUInt16BE(10));
  demand(bytes.readUInt32BE(12) === 0, "K-04", "reserved bytes of the key block");
}

function versionIn(ring, id, version) {
  return ring.find((key) => key.id === id.toString("hex") && key.version === version);
}

/** By H-05 to H-08: EBK, MAC key, and the digest of the header that they belong to. */
function unwrapKeys(keyBlock, kit) {
  const [mkbkId, akbkId] = [keyBlock.subarray(16, 32), keyBlock.subarray(40, 56)];
  const [mkbkVersion, akbkVersion] = [keyBlock.readUInt32BE(32), keyBlock.readUInt32BE(36)];
  const keyOf = (rule, which, id, version) => {
    const found = versionIn(kit[which], id, version);
    const isThere = found !== undefined && found.state !== "destroyed";
    demand(isThere, rule, `${which} of that id and version`, "key_mismatch", which);
    return Buffer.from(found.key, "base64");
  };
  const mkbk = keyOf("H-05", "mkbk", mkbkId, mkbkVersion);
  const akbk = keyOf("H-06", "akbk", akbkId, akbkVersion);
  const ids = Buffer.concat([be(1, 2), mkbkId, be(mkbkVersion, 4), akbkId, be(akbkVersion, 4)]);
  const kdk = hmac(kdf(mkbk, "mkbk-component", ids, 256), akbk, ids);
  const isNamed = kdf(kdk, "pbk-id", ids, 128).equals(keyBlock.subarray(56, 72));
  demand(isNamed, "H-07", "id of the PBK", "key_mismatch", "pbk");
  const pbk = kdf(kdk, "pbk", Buffer.concat([be(1, 2), be(1, 2), be(256, 2), ids]), 256);
  const keys = attempt(() => kwUnwrap(pbk, keyBlock.subarray(72)));
  demand(keys !== null, "H-08", "wrapped keys", "key_block_damaged");
  return [keys.subarray(0, 32), keys.subarray(32, 64), keys.subarray(64)];
}

// §3.4, §6.2: the container

/** Header and keys, by H-01 to H-14. */
function openHeader(keyBlock, container, kit) {
  const prologue = container.upTo(Math.min(16, container.length));
  demandMagic("H-01", prologue, CONTAINER_MAGIC);
  demandOne("H-01", "version of the container", bytesFor("H-01", prologue, 8, 10).readUInt16BE());
  bytesFor("H-02", prologue, 10, 16);
  demand(prologue.readUInt16BE(10) === 0, "H-02", "reserved bytes of the container");
  const headerBytes = prologue.readUInt32BE(12);
  demand(isInteger(headerBytes, 1, 4096), "H-02", "length of the header");
  const headerEnd = 16 + headerBytes;
  const start = container.upTo(Math.min(headerEnd + 32, container.length));
  bytesFor("H-03", start, 0, headerEnd + 32);
  const [front, headerMac] = [start.subarray(0, headerEnd), start.subarray(headerEnd)];
  const fields = front.subarray(16);
  if (versionIn(kit.mkbk, keyBlock.subarray(16, 32), keyBlock.readUInt32BE(32)) === undefined) {
    const hint = attempt(() => checkHeader(fields));
    const isOurs = hint === null || hint.get(6) === kit.manufacturer;
    demand(isOurs, "H-04", "manufacturer");
  }
  const [ebk, macKey, digest] = unwrapKeys(keyBlock, kit);
  demand(sha256(front).equals(digest), "H-08", "digest of the header", "header_damaged");
  const isMac = hmac(macKey, label("header-mac"), front).equals(headerMac);
  demand(isMac, "H-08", "header MAC", "header_damaged");
  const header = checkHeader(fields);
  demand(header.get(6) === kit.manufacturer, "H-14", "manufacturer");
  return { header, ebk, macKey, headerEnd };
}

/** H-09 to H-13. */
function checkHeader(bytes) {
  const header = decodeFields(bytes, 13);
  demand(header !== null, "H-09", "form of the header");
  for (const key of [1, 2, 3, 4, 5, 6, 7]) {
    demand(isText(header.get(key), 128), "H-10", `text ${key} of the header`);
  }
  demand(["FIPS", "NON_FIPS"].includes(header.get(5)), "H-10", "mode");
  demand(isInteger(header.get(8), 0, MAX_INTEGER), "H-11", "time");
  demand(isInteger(header.get(9), 1, MAX_INTEGER), "H-11", "chain number");
  const previous = header.get(10);
  demand(isBytes(previous, 0) || isBytes(previous, 32), "H-11", "previous digest");
  const algorithms = header.get(11);
  const known = ["AES-256-KWP", "HMAC-SHA-256", "SHA-256"];
  const isKnown = Array.isArray(algorithms) && algorithms.length === known.length;
  demand(isKnown && known.every((name, i) => name === algorithms[i]), "H-12", "algorithms");
  const chunkBytes = header.get(12);
  demand(isInteger(chunkBytes, 512, 16_384) && chunkBytes % 16 === 0, "H-13", "chunk size");
  demand(isInteger(header.get(13), 64, 2 ** 31), "H-13", "payload size");
  return header;
}

/** */
function checkOrigin(header, expected) {
  const known = [expected.backupId, expected.clusterId, expected.lineageId];
  for (const [i, id] of known.entries()) {
    demand(id === undefined || id === header.get(i + 1), "X-01", `id ${i + 1} of the header`);
  }
  const { mode } = expected;
  demand(mode === undefined || mode === header.get(5), "X-02", "mode");
}

/** The payload, frame by frame: the next is unwrapped when bytes of it are asked for. */
function openFrames(container, { header, ebk, headerEnd }) {
  const [chunkBytes, payloadBytes] = [header.get(12), header.get(13)];
  const count = Math.ceil(payloadBytes / chunkBytes);
  const sliceOf = (i) => (i < count - 1 ? chunkBytes : payloadBytes - i * chunkBytes);
  const frameOf = (i) => 16 + 8 * Math.ceil(sliceOf(i) / 8);
  const framesEnd = headerEnd + 32 + (count - 1) * (chunkBytes + 16) + frameOf(count - 1);
  demandLength("C-01", "the container", container.length, framesEnd + 32);
  let [next, at, taken] = [0, headerEnd + 32, 0];
  let waiting = Buffer.alloc(0);
  /** Bytes of the payload; that it does not end before them is a rule. */
  const take = (length, rule) => {
    for (; waiting.length < length && next < count; next++) {
      const frame = container.upTo(at + frameOf(next)).subarray(at);
      const plain = attempt(() => kwpUnwrap(ebk, frame));
      demand(plain?.length === 8 + sliceOf(next), "C-02", `frame ${next}`);
      const prefix = Buffer.concat([be(next, 4), Buffer.of(next === count - 1 ? 1 : 0, 0, 0, 0)]);
      demand(plain.subarray(0, 8).equals(prefix), "C-03", `place of frame ${next}`);
      waiting = Buffer.concat([waiting, plain.subarray(8)]);
      at += frame.length;
    }
    demand(waiting.length >= length, rule, "the payload ends early");
    const bytes = waiting.subarray(0, length);
    waiting = waiting.subarray(length);
    taken += length;
    return bytes;
  };
  return { take, offset: () => taken, left: () => payloadBytes - taken };
}

// §4: the snapshot

/** §4.1. @returns what is shown of it: of the configuration (HSM.md §9) the trust anchor, customerCA.crt. */
function readRecord(type, bytes) {
  // The array stands above level 0, which is the map of attributes.
  const record = attempt(() => decodeCbor(bytes, 9));
  demand(Array.isArray(record) && record.length === 2, "R-05", "form of a record");
  const [attributes, secret] = record;
  demand(attributes instanceof Map, "R-05", "attributes of a record");
  demand(Buffer.isBuffer(secret), "R-05", "secret part of a record");
  const shown = type === 1 ? { trustAnchor: attributes.get(7) } : {};
  return { attributes: attributes.size, secretBytes: secret.length, ...shown };
}

/** §4.2: payload → records. An item is judged when all of it is there. */
function readPayload(payload) {
  const records = [];
  const entries = [];
  let last = Buffer.alloc(9);
  for (;;) {
    const length = payload.take(4, "R-06").readUInt32BE();
    if (length === 0) break;
    demand(isInteger(length, 3, 65_536), "R-01", `length of record ${records.length}`);
    demand(records.length < 65_536, "R-02", "number of records");
    const item = payload.take(9 + length, "R-06");
    const [place, bytes] = [item.subarray(0, 9), item.subarray(9)];
    const [type, id] = [place[0], place.readBigUInt64BE(1)];
    demand(isInteger(type, 1, 5), "R-03", `type of record ${records.length}`);
    demand(id <= MAX_INTEGER, "R-03", `number of record ${records.length}`);
    demand(place.compare(last) > 0, "R-04", `place of record ${records.length}`);
    last = place;
    records.push({ type, id: Number(id), ...readRecord(type, bytes) });
    entries.push(Buffer.concat([place, sha256(bytes)]));
  }
  return { records, ...readManifest(payload, records, entries) };
}

/** §4.3 to §4.5. */
function readManifest(payload, records, entries) {
  const manifestOffset = payload.offset();
  const item = payload.take(41 * entries.length + 60, "M-01");
  const [manifest, footer] = [item.subarray(0, -60), item.subarray(-60)];
  demand(manifest.equals(Buffer.concat(entries)), "M-02", "entries of the manifest");
  const counts = [1, 2, 3, 4, 5].map((type) => records.filter((r) => r.type === type).length);
  const stateDigest = sha256(label("state-digest"), ...entries);
  demand(stateDigest.equals(footer.subarray(28)), "M-02", "state digest");
  demand(footer.readBigUInt64BE(20) === BigInt(manifestOffset), "M-02", "manifest offset");
  for (const [i, count] of counts.entries()) {
    demand(footer.readUInt32BE(4 * i) === count, "M-02", `count of type ${i + 1}`);
  }
  if (payload.left() > 0) {
    payload.take(1, "M-01");
    demand(false, "M-01", "bytes behind the footer");
  }
  return { counts, stateDigest: stateDigest.toString("hex") };
}

// §3.5: the file, all rules in their order

async function readBackup(file, keys, expected) {
  const sealed = demandMagic("F-01", file, KEY_BLOCK_MAGIC, ENVELOPE_MAGIC) === ENVELOPE_MAGIC;
  const { location, envelope } = expected;
  const isSealKnown = expected.sealed || location !== undefined || envelope !== undefined;
  demand(sealed || !isSealKnown, "F-02", "a bare file");
  const inside = sealed ? await openSealed(file, keys, expected) : openBare(file);
  const { keyBlock, container, checkDigests } = inside;
  const opened = openHeader(keyBlock, container, keys.kit);
  const { header, macKey } = opened;
  checkOrigin(header, expected);
  const payload = readPayload(openFrames(container, opened));
  const bytes = container.upTo(container.length);
  const [before, trailerMac] = [bytes.subarray(0, -32), bytes.subarray(-32)];
  const isMac = hmac(macKey, label("trailer-mac"), sha256(before)).equals(trailerMac);
  demand(isMac, "T-01", "trailer MAC");
  const digest = sha256(bytes);
  checkDigests(digest);
  const containerDigest = digest.toString("hex");
  const isKnown = [undefined, containerDigest].includes(expected.containerDigest);
  demand(isKnown, "X-03", "digest of the container");
  for (const known of keys.kit.checkpoints ?? []) {
    const isIt = known.clusterId === header.get(2) && known.chainNumber === header.get(9);
    const isSame = known.containerDigest === containerDigest;
    demand(!isIt || isSame, "X-04", "a checkpoint of the kit");
  }
  return { sealed, backupId: header.get(1), clusterId: header.get(2), containerDigest, ...payload };
}

function openBare(file) {
  checkKeyBlock(file);
  const bytes = file.subarray(KEY_BLOCK_BYTES);
  const container = { length: bytes.length, upTo: (end) => bytes.subarray(0, end) };
  return { keyBlock: file.subarray(0, KEY_BLOCK_BYTES), container, checkDigests: () => {} };
}

// Requests and answers

/** A file of JSON, such as a kit (docs/KIT.md). */
function json(path) {
  return JSON.parse(readFileSync(path, "utf8").replace(/^\ufeff/, ""));
}

function readPaths({ file, kit, kms, expectation }) {
  const keys = { kit: json(kit), kms: kms == null ? null : json(kms) };
  return readBackup(readFileSync(file), keys, expectation ?? {});
}

async function answer(request) {
  const { file } = request;
  try {
    const { records, ...read } = await readPaths(request);
    return { file, outcome: "opens", records: records.length, ...read };
  } catch (error) {
    if (error instanceof Refusal) return { file, outcome: "refused", ...error.answer };
    return { file, outcome: "failed", why: error.stack };
  }
}

const [, , first, kit, kms, expectation] = process.argv;
if (first === "--batch") {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
} else {
  const known = expectation === undefined ? {} : json(expectation);
  const read = await readPaths({ file: first, kit, kms, expectation: known });
  console.log(JSON.stringify(read, null, 2));
}
