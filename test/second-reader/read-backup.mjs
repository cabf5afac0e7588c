/**
 * A second reader of docs/FORMAT.md: Node's own crypto, ML-KEM by the package mlkem, and nothing of the
 * product.
 *
 * node test/second-reader/read-backup.mjs BACKUP.hbk KIT.json [KMS.json]
 * node test/second-reader/read-backup.mjs --batch
 *
 * Verifies a bare or sealed file from end to end and prints what is in it as JSON. A batch reads
 * requests from its input, one a line: {"file", "kit", "kms"}, paths, of which "kms" may be null.
 * It answers each with a line: {"outcome": "opens", …} or {"outcome": "refused", "why"}.
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

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
const label = (name) => Buffer.from(`holdfast/v1/${name}\0`);
const be = (value, bytes) => {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
};

function demand(condition, what) {
  if (!condition) throw new Error(`refused: ${what}`);
}

/** §3.1: SP 800-108r1 counter mode; one or more blocks of HMAC-SHA-256. */
function kdf(key, name, context, bits) {
  const fixed = Buffer.concat([label(name), context, be(bits, 4)]);
  const blocks = [];
  for (let i = 1; i <= Math.ceil(bits / 256); i++) blocks.push(hmac(key, be(i, 4), fixed));
  return Buffer.concat(blocks).subarray(0, bits / 8);
}

function unwrap(cipher, iv, key, wrapped) {
  const decipher = createDecipheriv(cipher, key, Buffer.from(iv, "hex"));
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}
const kwUnwrap = (key, wrapped) => unwrap("id-aes256-wrap", "a6a6a6a6a6a6a6a6", key, wrapped);
const kwpUnwrap = (key, wrapped) => unwrap("id-aes256-wrap-pad", "a65959a6", key, wrapped);

function openGcm(key, nonce, aad, sealed) {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** As much CBOR as §3.1 allows. */
function decodeCbor(bytes) {
  let at = 0;
  function take(length) {
    at += length;
    return bytes.subarray(at - length, at);
  }
  function item() {
    const first = bytes[at++];
    const short = first & 31;
    demand(short < 28, "CBOR head");
    const width = short < 24 ? 0 : 2 ** (short - 24);
    let argument = short;
    if (width > 0) {
      argument = Number(BigInt(`0x${bytes.subarray(at, at + width).toString("hex")}`));
      at += width;
    }
    switch (first >> 5) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        return take(argument);
      case 3:
        return take(argument).toString("utf8");
      case 4:
        return Array.from({ length: argument }, item);
      case 5:
        return new Map(Array.from({ length: argument }, () => [item(), item()]));
      default:
        return { 20: false, 21: true, 22: null }[argument];
    }
  }
  const value = item();
  demand(at === bytes.length, "CBOR length");
  return value;
}

function encodeCbor(value) {
  const head = (major, length) => {
    if (length < 24) return Buffer.of((major << 5) | length);
    if (length < 256) return Buffer.of((major << 5) | 24, length);
    return Buffer.concat([Buffer.of((major << 5) | 25), be(length, 2)]);
  };
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([head(3, text.length), text]);
  }
  return Buffer.concat([head(2, value.length), value]);
}

/** Bech32 of BIP 173 without its limit: the bytes behind the prefix; the checksum is the kit's matter. */
function bech32Bytes(text) {
  const letters = text.slice(text.lastIndexOf("1") + 1, -6).toLowerCase();
  const bits = [...letters].map((letter) =>
    "qpzry9x8gf2tvdw0s3jn54khce6mua7l".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const whole = bits.join("").match(/.{8}/g) ?? [];
  return Buffer.from(whole.map((byte) => Number.parseInt(byte, 2)));
}

/** X25519 by Node: RFC 7748, keys as RFC 8410 has them. */
function x25519(scalar, point) {
  const der = (prefix, bytes) => Buffer.concat([Buffer.from(prefix, "hex"), bytes]);
  const privateKey = createPrivateKey({
    key: der("302e020100300506032b656e04220420", scalar),
    format: "der",
    type: "pkcs8",
  });
  const spki = (bytes) =>
    createPublicKey({ key: der("302a300506032b656e032100", bytes), format: "der", type: "spki" });
  const own = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  return { own, shared: point && diffieHellman({ privateKey, publicKey: spki(point) }) };
}

/** §7.4, hybrid: X-Wing, then HPKE's key schedule (RFC 9180 §5.1), then one message. */
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

/** One recipient by the keys that are here; null: none of them is meant. */
async function openRecipient([kind, keyId, wrapped], { location, sealId }, kit, kms) {
  const cmk = kms?.keys.find((entry) => entry.id === keyId);
  if (kind === 1 && cmk?.key) {
    const names = ["holdfast:account", "holdfast:region", "holdfast:cluster", "holdfast:backup"];
    const context = encodeCbor([keyId, names.map((name, i) => [name, location[i]])]);
    const aad = Buffer.concat([label("local-kms"), context]);
    demand(wrapped.length === 61 && wrapped[0] === 1, "form of a local wrap");
    return openGcm(
      Buffer.from(cmk.key, "base64"),
      wrapped.subarray(1, 13),
      aad,
      wrapped.subarray(13),
    );
  }
  const name = { 2: "rsa", 3: "hybrid" }[kind];
  const key = kit.recoveryKeys.find((entry) => entry.kind === name && entry.id === keyId);
  if (key?.secretKey === undefined) return null;
  const bound = encodeCbor([...location, sealId]);
  if (kind === 3) {
    const info = Buffer.concat([label("recovery-hpke"), bound]);
    return await openHybrid(bech32Bytes(key.secretKey), wrapped, info);
  }
  const der = Buffer.from(key.secretKey, "base64");
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const { modulusLength, publicExponent } = privateKey.asymmetricKeyDetails;
  demand(modulusLength === 3072 && publicExponent === 65_537n, "size of the RSA key");
  const oaepLabel = Buffer.concat([label("recovery"), bound]);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return privateDecrypt({ key: privateKey, padding, oaepHash: "sha256", oaepLabel }, wrapped);
}

/** §7.4: the first recipient that opens, in their order. */
async function openDataKey(seal, kit, kms) {
  demand(
    seal.recipients.some(([kind]) => kind >= 1 && kind <= 3),
    "kinds of recipients",
  );
  for (const recipient of seal.recipients) {
    const dataKey = await openRecipient(recipient, seal, kit, kms).catch(() => null);
    if (dataKey?.length === 32) return dataKey;
  }
  throw new Error("refused: no recipient");
}

/** §7: envelope ‖ body → key block ‖ container. */
async function openSealed(file, kit, kms) {
  demand(file.readUInt32BE(8) === 0x00010000, "envelope version");
  demand(file.readUInt32BE(12) <= 32_768, "length of the clear part");
  const clearEnd = 16 + file.readUInt32BE(12);
  const clear = decodeCbor(file.subarray(16, clearEnd));
  demand([...clear.keys()].join() === "1,2,3,4,5,6,7,8", "fields of the clear part");
  const [sealId, bodyBytes, bodyDigest, containerDigest, commitment, number, location, recipients] =
    clear.values();
  demand(sealId.length === 16 && number >= 1 && number < 2 ** 32, "seal id and envelope number");
  demand(Number.isInteger(number), "envelope number");
  checkRecipients(recipients, location);
  const dataKey = await openDataKey({ recipients, location, sealId }, kit, kms);
  const context = Buffer.concat([sealId, containerDigest]);
  demand(kdf(dataKey, "seal-commitment", context, 256).equals(commitment), "commitment");
  const bodyKey = kdf(dataKey, "seal-body", context, 256);
  const envelopeKey = kdf(dataKey, "seal-envelope", context, 256);
  const envelopeEnd = clearEnd + 12 + 192;
  const nonce = file.subarray(clearEnd, clearEnd + 12);
  const sealed = file.subarray(clearEnd + 12, envelopeEnd);
  const keyBlock = openGcm(envelopeKey, nonce, file.subarray(0, clearEnd), sealed);
  const body = file.subarray(envelopeEnd);
  demand(body.length === bodyBytes, "length of the body");
  demand(sha256(body).equals(bodyDigest), "digest of the body");
  const aad = Buffer.concat([label("seal-body"), sealId]);
  const segments = [];
  for (let i = 0, at = 0; at < body.length; i++, at += 65_552) {
    const last = at + 65_552 >= body.length ? 1 : 0;
    const segmentNonce = Buffer.concat([Buffer.alloc(7), be(i, 4), Buffer.of(last)]);
    segments.push(openGcm(bodyKey, segmentNonce, aad, body.subarray(at, at + 65_552)));
  }
  demand(sha256(...segments).equals(containerDigest), "digest of the container");
  return Buffer.concat([keyBlock, ...segments]);
}

/** §7.3. */
function checkRecipients(recipients, location) {
  demand(location.length === 4 || location.length === 2, "form of the location");
  demand(
    location.every((text) => text.length > 0),
    "texts of the location",
  );
  demand(recipients.length >= 1 && recipients.length <= 8, "number of recipients");
  for (const [kind, keyId, wrapped, ...more] of recipients) {
    demand(kind >= 1 && kind <= 65_535 && keyId.length > 0 && more.length === 0, "a recipient");
    demand(wrapped.length >= 1 && wrapped.length <= 6144, "length of a wrap");
    demand(kind !== 1 || location.length === 4, "KMS outside a deployment");
    demand(kind !== 2 || wrapped.length === 384, "length of a wrap of kind 2");
    demand(kind !== 3 || wrapped.length === 1168, "length of a wrap of kind 3");
  }
  const names = new Set(recipients.map(([kind, keyId]) => `${kind} ${keyId}`));
  demand(names.size === recipients.length, "a recipient twice");
}

/** §5.2, §6.1. */
function unwrapKeys(keyBlock, kit) {
  demand(keyBlock.readUInt32BE(8) === 0x00010001, "key block version and suite");
  const [mkbkId, akbkId] = [keyBlock.subarray(16, 32), keyBlock.subarray(40, 56)];
  const [mkbkVersion, akbkVersion] = [keyBlock.readUInt32BE(32), keyBlock.readUInt32BE(36)];
  const find = (ring, id, version) => {
    const found = ring.find((k) => k.id === id.toString("hex") && k.version === version);
    demand(found?.key, "key of that id");
    return Buffer.from(found.key, "base64");
  };
  const ids = Buffer.concat([be(1, 2), mkbkId, be(mkbkVersion, 4), akbkId, be(akbkVersion, 4)]);
  const c = kdf(find(kit.mkbk, mkbkId, mkbkVersion), "mkbk-component", ids, 256);
  const kdk = hmac(c, find(kit.akbk, akbkId, akbkVersion), ids);
  const context = Buffer.concat([be(1, 2), be(1, 2), be(256, 2), ids]);
  const pbk = kdf(kdk, "pbk", context, 256);
  demand(kdf(kdk, "pbk-id", ids, 128).equals(keyBlock.subarray(56, 72)), "id of the PBK");
  const keys = kwUnwrap(pbk, keyBlock.subarray(72));
  return [keys.subarray(0, 32), keys.subarray(32, 64), keys.subarray(64)];
}

/** §3.4; the bytes are held to one form by encoding what was read again. */
function checkHeader(header, bytes) {
  const isInteger = (value, min, max) =>
    Number.isSafeInteger(value) && value >= min && value <= max;
  demand([...header.keys()].join() === "1,2,3,4,5,6,7,8,9,10,11,12,13", "keys of the header");
  for (const key of [1, 2, 3, 4, 5, 6, 7]) {
    const text = header.get(key);
    const length = typeof text === "string" ? Buffer.byteLength(text) : 0;
    demand(length >= 1 && length <= 128, `text ${key} of the header`);
  }
  demand(["FIPS", "NON_FIPS"].includes(header.get(5)), "mode");
  demand(isInteger(header.get(8), 0, 2 ** 53 - 1), "time");
  demand(isInteger(header.get(9), 1, 2 ** 53 - 1), "chain number");
  demand([0, 32].includes(header.get(10)?.length), "previous digest");
  demand(String(header.get(11)) === "AES-256-KWP,HMAC-SHA-256,SHA-256", "algorithms");
  demand(isInteger(header.get(12), 512, 16_384) && header.get(12) % 16 === 0, "chunk size");
  demand(isInteger(header.get(13), 64, 2 ** 31), "payload size");
  demand(bytes[0] === 0xad, "form of the header");
}

/** §3.4, §6.2: container → header and payload. */
function openContainer(container, [ebk, macKey, headerDigest]) {
  demand(container.subarray(0, 12).equals(Buffer.from("894846430d0a1a0a00010000", "hex")), "front");
  const headerEnd = 16 + container.readUInt32BE(12);
  const front = container.subarray(0, headerEnd);
  demand(sha256(front).equals(headerDigest), "digest of the header");
  const headerMac = container.subarray(headerEnd, headerEnd + 32);
  demand(hmac(macKey, label("header-mac"), front).equals(headerMac), "header MAC");
  const trailerMac = hmac(macKey, label("trailer-mac"), sha256(container.subarray(0, -32)));
  demand(trailerMac.equals(container.subarray(-32)), "trailer MAC");
  const header = decodeCbor(container.subarray(16, headerEnd));
  checkHeader(header, container.subarray(16, headerEnd));
  const [chunkBytes, payloadBytes] = [header.get(12), header.get(13)];
  const count = Math.ceil(payloadBytes / chunkBytes);
  const slices = [];
  let at = headerEnd + 32;
  for (let i = 0; i < count; i++) {
    const sliceBytes = Math.min(chunkBytes, payloadBytes - i * chunkBytes);
    const frameBytes = 16 + 8 * Math.ceil(sliceBytes / 8);
    const plain = kwpUnwrap(ebk, container.subarray(at, at + frameBytes));
    at += frameBytes;
    demand(plain.length === 8 + sliceBytes, `length of frame ${i}`);
    const prefix = Buffer.concat([be(i, 4), Buffer.of(i === count - 1 ? 1 : 0, 0, 0, 0)]);
    demand(plain.subarray(0, 8).equals(prefix), `place of frame ${i}`);
    slices.push(plain.subarray(8));
  }
  demand(at + 32 === container.length, "length of the container");
  return { header, payload: Buffer.concat(slices) };
}

/** §4: payload → records. */
function readPayload(payload) {
  const records = [];
  const manifest = [];
  let at = 0;
  for (let length = payload.readUInt32BE(0); length > 0; length = payload.readUInt32BE(at)) {
    const [type, id] = [payload[at + 4], Number(payload.readBigUInt64BE(at + 5))];
    const bytes = payload.subarray(at + 13, at + 13 + length);
    const [attributes, secret] = decodeCbor(bytes);
    records.push({ type, id, attributes: attributes.size, secretBytes: secret.length });
    manifest.push(Buffer.concat([payload.subarray(at + 4, at + 13), sha256(bytes)]));
    at += 13 + length;
  }
  at += 4;
  const entries = Buffer.concat(manifest);
  demand(payload.subarray(at, at + entries.length).equals(entries), "manifest");
  const footer = payload.subarray(at + entries.length);
  demand(footer.length === 60 && Number(footer.readBigUInt64BE(20)) === at, "footer");
  const counts = [1, 2, 3, 4, 5].map((type) => records.filter((r) => r.type === type).length);
  for (const [i, count] of counts.entries()) demand(footer.readUInt32BE(4 * i) === count, "counts");
  const stateDigest = sha256(label("state-digest"), entries);
  demand(stateDigest.equals(footer.subarray(28)), "state digest");
  return { counts, records, stateDigest: stateDigest.toString("hex") };
}

async function readBackup(file, kit, kms) {
  const sealed = file.subarray(0, 8).toString("hex") === "894846450d0a1a0a";
  const bare = sealed ? await openSealed(file, kit, kms) : file;
  demand(bare.subarray(0, 8).toString("hex") === "8948464b0d0a1a0a", "magic");
  const container = bare.subarray(176);
  const { header, payload } = openContainer(container, unwrapKeys(bare.subarray(0, 176), kit));
  demand(header.get(6) === kit.manufacturer, "manufacturer");
  const containerDigest = sha256(container).toString("hex");
  for (const known of kit.checkpoints ?? []) {
    const isSame = known.clusterId === header.get(2) && known.chainNumber === header.get(9);
    demand(!isSame || known.containerDigest === containerDigest, "a checkpoint of the kit");
  }
  return {
    sealed,
    backupId: header.get(1),
    clusterId: header.get(2),
    containerDigest,
    ...readPayload(payload),
  };
}

function readPaths(file, kit, kms) {
  const json = (path) => JSON.parse(readFileSync(path, "utf8").replace(/^\ufeff/, ""));
  return readBackup(readFileSync(file), json(kit), kms == null ? null : json(kms));
}

async function answer({ file, kit, kms }) {
  try {
    const { records, ...read } = await readPaths(file, kit, kms);
    return { file, outcome: "opens", records: records.length, ...read };
  } catch (error) {
    return { file, outcome: "refused", why: error.message };
  }
}

const [, , first, kitPath, kmsPath] = process.argv;
if (first === "--batch") {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
} else {
  console.log(JSON.stringify(await readPaths(first, kitPath, kmsPath), null, 2));
}
