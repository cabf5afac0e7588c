/**
 * The attributes of a certificate record: the DER, and what a listing shows of it. No secret part.
 *
 * FORMAT.md §4; docs/HSM.md §4, §9. Read once at import, so that a listing parses nothing.
 */
import {
  type AttributesCodec,
  attributesCodec,
  bytesField,
  numberField,
  textField,
} from "./attributes-codec.ts";

export const MAX_CERTIFICATE_BYTES = 16_384;
export const MAX_NAME_BYTES = 4_096;

export interface CertificateAttributes {
  readonly der: Uint8Array;
  /** Id of the user who imported it. */
  readonly owner: number;
  /** RFC 4514 text. */
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the DER. */
  readonly fingerprint: Uint8Array;
  /** SHA-256 of the subject public key info. */
  readonly publicKeyFingerprint: Uint8Array;
  readonly createdAtMs: number;
}

export const certificateCodec: AttributesCodec<CertificateAttributes> =
  attributesCodec<CertificateAttributes>({
    der: bytesField(1, 1, MAX_CERTIFICATE_BYTES),
    owner: numberField(2, 1, Number.MAX_SAFE_INTEGER),
    subject: textField(3, MAX_NAME_BYTES),
    issuer: textField(4, MAX_NAME_BYTES),
    serialNumber: textField(5, 128),
    notBeforeMs: numberField(6, 0, Number.MAX_SAFE_INTEGER),
    notAfterMs: numberField(7, 0, Number.MAX_SAFE_INTEGER),
    fingerprint: bytesField(8, 32, 32),
    publicKeyFingerprint: bytesField(9, 32, 32),
    createdAtMs: numberField(10, 0, Number.MAX_SAFE_INTEGER),
  });
