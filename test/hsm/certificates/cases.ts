/**
 * Certificates as they have been found, and what is said of each: for the engine and for the edge.
 */
import { readFileSync } from "node:fs";

interface CertificateCase {
  /** In cases/. */
  readonly file: string;
  /** What the refusal says, in part; null for what is taken. */
  readonly refused: string | null;
  readonly subject?: string;
}

export const CERTIFICATE_CASES: readonly CertificateCase[] = [
  { file: "c11-utctime-no-seconds.pem", refused: "notBefore is not written as YYMMDDhhmmssZ" },
  { file: "c14-notafter-1967.pem", refused: "its notAfter, 1967-02-15, lies before 1970" },
  { file: "c15-notbefore-1950.pem", refused: "its notBefore, 1950-01-01, lies before 1970" },
  { file: "c19-trailing-data.pem", refused: "it has trailing bytes" },
  {
    file: "c28-nul-in-cn.pem",
    refused: null,
    subject: "CN=good.example\\00.evil.example",
  },
  { file: "c34-ber-indefinite.pem", refused: "a length in it is not DER" },
  { file: "c35-ber-long-length.pem", refused: "a length in it is not DER" },
];

export function certificateCase(file: string): string {
  return readFileSync(new URL(`./cases/${file}`, import.meta.url), "utf8");
}
