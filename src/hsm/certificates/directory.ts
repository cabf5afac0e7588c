/**
 * Certificates: imported one by one, as chains or as bundles; listed, deleted.
 *
 * docs/HSM.md §4. Every certificate is kept as it came; importing the same one again changes
 * nothing.
 */

import { encodeHex } from "../../crypto/base-encodings.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize, type Caller } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import { userNames } from "../access/user-directory.ts";
import {
  type CertificateAttributes,
  certificateCodec,
  MAX_CERTIFICATE_BYTES,
  MAX_NAME_BYTES,
} from "../memory/certificate-record.ts";
import { encodePem, parsePem } from "../memory/pem.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { readAttributes, rowsOf } from "../memory/store.ts";
import { HsmError } from "../rules/errors.ts";
import {
  MAX_BUNDLE_PEM_CHARACTERS,
  MAX_CERTIFICATE_PEM_CHARACTERS,
  MAX_CERTIFICATES,
} from "../rules/limits.ts";
import { type ReadCertificate, readCertificate } from "./x509.ts";

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
 * @returns one view per block. @throws HsmError `certificate_unreadable`, `certificate_limit`.
 */
export function importCertificates(
  context: HsmContext,
  token: SessionToken,
  pem: string,
): CertificateView[] {
  const { store } = context;
  const read = parseBundle(pem);
  return store.transaction(() => {
    const caller = authorize(context, token, "manage certificates");
    const ids = read.map((certificate) => putCertificate(context, caller, certificate));
    return ids.map((id) => describe(context, id, userNames(store)));
  });
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

function parseBundle(pem: string): ReadCertificate[] {
  if (pem.length > MAX_BUNDLE_PEM_CHARACTERS) {
    throw unreadable(0, `the text is longer than ${MAX_BUNDLE_PEM_CHARACTERS} characters`);
  }
  const blocks = parsePem(pem);
  if (blocks.length === 0) throw unreadable(0, "there is no PEM block in the text");
  return blocks.map(({ label, bytes }, index) => {
    if (label !== "CERTIFICATE") throw unreadable(index, `its block is a "${label}"`);
    if (bytes === null) throw unreadable(index, "it is not Base64");
    // The longest PEM text is a little under 15,000 bytes of DER.
    const isTooLong = bytes.length > MAX_CERTIFICATE_BYTES;
    if (isTooLong || encodePem(label, bytes).length > MAX_CERTIFICATE_PEM_CHARACTERS) {
      throw unreadable(index, `it is longer than ${MAX_CERTIFICATE_PEM_CHARACTERS} characters`);
    }
    const certificate = readCertificate(bytes);
    if (certificate === null) throw unreadable(index, "it is not an X.509 certificate");
    return certificate;
  });
}

/** Inside a transaction. @returns the id of the record that holds it. */
function putCertificate(context: HsmContext, caller: Caller, read: ReadCertificate): number {
  const { store, core } = context;
  const fingerprint = core.sha256(read.der);
  const held = store.find(RECORD_TYPE.certificate, encodeHex(fingerprint));
  if (held !== null) return held.id;
  if (store.count(RECORD_TYPE.certificate) >= MAX_CERTIFICATES) {
    throw new HsmError({ code: "certificate_limit", limit: MAX_CERTIFICATES });
  }
  const id = store.lastId(RECORD_TYPE.certificate) + 1;
  const attributes = certificateCodec.encode({
    der: read.der,
    owner: caller.id,
    subject: shortened(read.subject),
    issuer: shortened(read.issuer),
    serialNumber: read.serialNumber.slice(0, 128),
    notBeforeMs: Math.max(0, read.notBeforeMs),
    notAfterMs: Math.max(0, read.notAfterMs),
    fingerprint,
    publicKeyFingerprint: core.sha256(read.publicKey),
    createdAtMs: context.now(),
  });
  const type = RECORD_TYPE.certificate;
  store.put({ type, id, attributes, secret: null }, encodeHex(fingerprint));
  return id;
}

/** What a listing shows of a name; the DER has the whole. UTF-8 takes at most 3 bytes per unit. */
function shortened(name: string): string {
  return name.slice(0, Math.floor(MAX_NAME_BYTES / 3));
}

function describe(
  context: HsmContext,
  id: number,
  nameOf: (userId: number) => string,
): CertificateView {
  const row = context.store.get(RECORD_TYPE.certificate, id);
  if (row === null) throw new HsmError({ code: "certificate_not_found", id });
  return certificateView(id, readAttributes(certificateCodec, row), nameOf);
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
