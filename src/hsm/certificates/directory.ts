/**
 * Certificates: imported one by one, as chains or as bundles; listed, deleted.
 *
 * docs/HSM.md §2.6, §4. Every certificate is kept as it came; importing the same one again
 * changes nothing. A bundle is read in turns, and written in one transaction.
 */

import { encodeHex, requireHex } from "../../crypto/base-encodings.ts";
import { DerError } from "../../crypto/der.ts";
import {
  countPemBlocks,
  encodePem,
  type PemBlock,
  parsePem,
  pemCharacters,
} from "../../crypto/pem.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize, type Caller } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import type { Turn } from "../access/turns.ts";
import { userNames } from "../access/user-directory.ts";
import {
  type CertificateAttributes,
  certificateCodec,
  MAX_CERTIFICATE_BYTES,
  MAX_NAME_BYTES,
} from "../memory/certificate-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { readAttributes, rowsOf } from "../memory/store.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_BUNDLE_PEM_CHARACTERS,
  MAX_CERTIFICATE_PEM_CHARACTERS,
  MAX_CERTIFICATES,
} from "../rules/limits.ts";
import { type ReadCertificate, readCertificate } from "./certificate-reader.ts";
import { shortenedName } from "./distinguished-name.ts";

/** How a certificate is shown. No secrets. */
export interface CertificateView {
  readonly id: number;
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the DER, hexadecimal. */
  readonly fingerprint: string;
  /** SHA-256 of the subject public key info, hexadecimal. */
  readonly publicKeyFingerprint: string;
  readonly owner: string;
  readonly pem: string;
  readonly createdAtMs: number;
}

/**
 * Imports every certificate of a PEM text, all or none; those held already are found, not doubled.
 *
 * @param pem - one or many `CERTIFICATE` blocks; text between them is skipped.
 * @returns one view per block.
 * @throws HsmError `certificate_unreadable` for the first that is, `batch_limit`,
 *   `certificate_limit`.
 */
export async function importCertificates(
  context: HsmContext,
  token: SessionToken,
  pem: string,
): Promise<CertificateView[]> {
  const { store } = context;
  const { user } = authorize(context, token, "manage certificates");
  verifyBundle(pem);
  const { given, read } = await context.turns.compute(user.username, async (turn) => {
    const blocks = await readBundle(context, pem, turn);
    const added = Array.from(newBlocks(context, blocks).values());
    verifyRoom(context, added.length);
    return { given: blocks, read: new Map(await inSlices(added, readNamed, turn)) };
  });
  return store.transaction(() => {
    const caller = authorize(context, token, "manage certificates");
    // Looked up anew: others came and went while this waited for its turns.
    const added = newBlocks(context, given);
    verifyRoom(context, added.size);
    for (const [name, block] of added) {
      putCertificate(context, caller, name, read.get(name) ?? readBlock(block));
    }
    const nameOf = userNames(store);
    return given.map(({ name }) => describe(context, name, nameOf));
  });
}

/** By name, those that are not held: what is, may have come in by other rules of reading. */
function newBlocks(
  { store }: HsmContext,
  given: readonly GivenCertificate[],
): Map<string, GivenCertificate> {
  const added = new Map(given.map((block) => [block.name, block]));
  for (const name of added.keys()) {
    if (store.find(RECORD_TYPE.certificate, name) !== null) added.delete(name);
  }
  return added;
}

/** Blocks of a turn: some milliseconds of work. */
const SLICE = 16;

async function inSlices<T, U>(
  items: Iterable<T>,
  read: (item: T, index: number) => U,
  turn: Turn,
): Promise<U[]> {
  const results: U[] = [];
  const rest = items[Symbol.iterator]();
  for (let isOver = false; !isOver; ) {
    await turn(async () => {
      for (let i = 0; i < SLICE && !isOver; i++) {
        const next = rest.next();
        if (next.done === true) isOver = true;
        else results.push(read(next.value, results.length));
      }
    });
  }
  return results;
}

/** All certificates, by ascending id. */
export function listCertificates(context: HsmContext, token: SessionToken): CertificateView[] {
  authorize(context, token, "list certificates");
  return Array.from(allCertificates(context));
}

/** @throws HsmError `certificate_not_found`; `not_permitted` for another user's. */
export function deleteCertificate(context: HsmContext, token: SessionToken, id: number): void {
  context.store.transaction(() => {
    const caller = authorize(context, token, "manage certificates");
    const row = Number.isSafeInteger(id) ? context.store.get(RECORD_TYPE.certificate, id) : null;
    if (row === null) throw new HsmError({ code: "certificate_not_found", id });
    if (readAttributes(certificateCodec, row).owner !== caller.id) {
      const permission = "delete a certificate of another user";
      throw new HsmError({ code: "not_permitted", permission, role: caller.role });
    }
    context.store.delete(RECORD_TYPE.certificate, id);
  });
}

export function* allCertificates(context: Pick<HsmContext, "store">): Generator<CertificateView> {
  const nameOf = userNames(context.store);
  for (const row of rowsOf(context.store, RECORD_TYPE.certificate)) {
    yield certificateView(row.id, readAttributes(certificateCodec, row), nameOf);
  }
}

/** A block of a bundle. `index` is its place, from 0. */
interface GivenCertificate {
  readonly index: number;
  readonly der: Uint8Array;
  /** Its fingerprint, hexadecimal: the name of its record. */
  readonly name: string;
}

function verifyBundle(pem: string): void {
  if (pem.length > MAX_BUNDLE_PEM_CHARACTERS) {
    throw unreadable(0, `the text is longer than ${MAX_BUNDLE_PEM_CHARACTERS} characters`);
  }
  const got = countPemBlocks(pem);
  if (got > MAX_CERTIFICATES) {
    throw new HsmError({ code: "batch_limit", max: MAX_CERTIFICATES, got });
  }
}

/** The blocks one by one, up to the first that is none of a certificate. */
async function readBundle(
  context: HsmContext,
  pem: string,
  turn: Turn,
): Promise<GivenCertificate[]> {
  const given = await inSlices(
    parsePem(pem),
    (block, i) => givenCertificate(context, block, i),
    turn,
  );
  if (given.length === 0) throw unreadable(0, "there is no PEM block in the text");
  return given;
}

function givenCertificate(
  { core }: HsmContext,
  { label, bytes }: PemBlock,
  index: number,
): GivenCertificate {
  if (label !== "CERTIFICATE") throw unreadable(index, `its block is a "${label}"`);
  if (bytes === null) throw unreadable(index, "it is not Base64");
  // The longest PEM text is a little under 15,000 bytes of DER.
  const isTooLong = bytes.length > MAX_CERTIFICATE_BYTES;
  if (isTooLong || pemCharacters(label, bytes.length) > MAX_CERTIFICATE_PEM_CHARACTERS) {
    throw unreadable(index, `it is longer than ${MAX_CERTIFICATE_PEM_CHARACTERS} characters`);
  }
  return { index, der: bytes, name: encodeHex(core.sha256(bytes)) };
}

function verifyRoom({ store }: HsmContext, added: number): void {
  if (added > 0 && store.count(RECORD_TYPE.certificate) + added > MAX_CERTIFICATES) {
    throw new HsmError({ code: "certificate_limit", limit: MAX_CERTIFICATES });
  }
}

function readNamed(block: GivenCertificate): readonly [name: string, read: ReadCertificate] {
  return [block.name, readBlock(block)];
}

function readBlock({ index, der }: GivenCertificate): ReadCertificate {
  try {
    return readCertificate(der);
  } catch (error) {
    throw error instanceof DerError ? unreadable(index, error.why) : error;
  }
}

/** Inside a transaction. */
function putCertificate(
  { store, core, now }: HsmContext,
  caller: Caller,
  name: string,
  read: ReadCertificate,
): void {
  const attributes = certificateCodec.encode({
    der: read.der,
    owner: caller.id,
    // What a listing shows; the DER has the whole.
    subject: shortenedName(read.subject, MAX_NAME_BYTES),
    issuer: shortenedName(read.issuer, MAX_NAME_BYTES),
    serialNumber: read.serialNumber.slice(0, 128),
    notBeforeMs: read.notBeforeMs,
    notAfterMs: read.notAfterMs,
    fingerprint: requireHex(name),
    publicKeyFingerprint: core.sha256(read.publicKey),
    createdAtMs: now(),
  });
  const type = RECORD_TYPE.certificate;
  store.put({ type, id: store.lastId(type) + 1, attributes, secret: null }, name);
}

function describe(
  { store }: HsmContext,
  name: string,
  nameOf: (userId: number) => string,
): CertificateView {
  const row = store.find(RECORD_TYPE.certificate, name);
  if (row === null) throw new Error("unreachable: a certificate went in and is not there");
  return certificateView(row.id, readAttributes(certificateCodec, row), nameOf);
}

function certificateView(
  id: number,
  certificate: CertificateAttributes,
  nameOf: (userId: number) => string,
): CertificateView {
  return {
    id,
    subject: certificate.subject,
    issuer: certificate.issuer,
    serialNumber: certificate.serialNumber,
    notBeforeMs: certificate.notBeforeMs,
    notAfterMs: certificate.notAfterMs,
    fingerprint: encodeHex(certificate.fingerprint),
    publicKeyFingerprint: encodeHex(certificate.publicKeyFingerprint),
    owner: nameOf(certificate.owner),
    pem: encodePem("CERTIFICATE", certificate.der),
    createdAtMs: certificate.createdAtMs,
  };
}

function unreadable(index: number, why: string): HsmError {
  return new HsmError({ code: "certificate_unreadable", index, why });
}
