/**
 * Looks for secrets in files, in every form they might have been written in.
 *
 * Raw, hexadecimal, Base64 and Base64url at each of the three alignments, the Bech32 of age's keys; of
 * a private key each secret number, so that it is found inside DER and inside a JWK as well. Windows of
 * a value are looked for rather than the whole of it, because a database may cut a value at the end of
 * a page.
 */
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bech32 } from "@scure/base";

export interface NamedSecret {
  /** Says which secret it is without giving it away. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Finding {
  readonly secret: string;
  readonly form: string;
  readonly file: string;
  readonly offset: number;
}

interface Needle {
  readonly secret: string;
  readonly form: string;
  readonly bytes: Buffer;
}

const MIN_SECRET_BYTES = 8;
const WINDOW_BYTES = 24;
/** Of a recovery key: what stands in Bech32 somewhere is a whole seed. */
const SEED_BYTES = 32;
const CHECKSUM_LETTERS = 6;
const PRIVATE_JWK_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "k"] as const;

export function textSecret(name: string, text: string): NamedSecret {
  return { name, bytes: Buffer.from(text, "utf8") };
}

/**
 * The secret numbers of a PEM private key. Its DER as a whole begins and ends with public bytes.
 */
export function privateKeySecrets(name: string, pem: string): NamedSecret[] {
  return jwkSecrets(name, createPrivateKey(pem).export({ format: "jwk" }));
}

/** The secret members of a JWK, decoded. */
export function jwkSecrets(name: string, jwk: object): NamedSecret[] {
  const members = jwk as Partial<Record<(typeof PRIVATE_JWK_MEMBERS)[number], string>>;
  return PRIVATE_JWK_MEMBERS.flatMap((member) => {
    const value = members[member];
    if (value === undefined) return [];
    return [{ name: `${name} ${member}`, bytes: Buffer.from(value, "base64url") }];
  });
}

function needlesOf({ name, bytes }: NamedSecret): Needle[] {
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new RangeError(
      `${name}: expected at least ${MIN_SECRET_BYTES} bytes, got ${bytes.length}`,
    );
  }
  const raw = Buffer.from(bytes);
  const forms: [string, Buffer][] = [
    ["raw", raw],
    ["UTF-16", Buffer.from(raw.toString("latin1"), "utf16le")],
    ["hexadecimal", Buffer.from(raw.toString("hex"))],
    ["HEXADECIMAL", Buffer.from(raw.toString("hex").toUpperCase())],
  ];
  // The characters of Base64 depend on where in a group of three the value begins; those that also
  // depend on its neighbours are left out.
  for (let alignment = 0; alignment < 3; alignment++) {
    const inner = raw.subarray(alignment, raw.length - ((raw.length - alignment) % 3));
    if (inner.length < MIN_SECRET_BYTES - 2) continue;
    forms.push([`Base64+${alignment}`, Buffer.from(inner.toString("base64"))]);
    forms.push([`Base64url+${alignment}`, Buffer.from(inner.toString("base64url"))]);
  }
  if (raw.length === SEED_BYTES) {
    const letters = bech32
      .encode("a", bech32.toWords(raw), false)
      .slice("a1".length, -CHECKSUM_LETTERS);
    forms.push(["bech32", Buffer.from(letters)], ["BECH32", Buffer.from(letters.toUpperCase())]);
  }
  return forms.flatMap(([form, whole]) =>
    windowsOf(whole).map((window) => ({ secret: name, form, bytes: window })),
  );
}

/** The beginning, the middle and the end of a value; all of it where it is short. */
function windowsOf(whole: Buffer): Buffer[] {
  if (whole.length <= WINDOW_BYTES) return [whole];
  const starts = new Set([0, (whole.length - WINDOW_BYTES) >> 1, whole.length - WINDOW_BYTES]);
  return [...starts].map((start) => whole.subarray(start, start + WINDOW_BYTES));
}

/** Every place in `bytes` (called `file` in the findings) that shows one of the secrets. */
export function findSecrets(
  secrets: readonly NamedSecret[],
  file: string,
  bytes: Buffer,
): Finding[] {
  return secrets.flatMap(needlesOf).flatMap((needle) => {
    const offset = bytes.indexOf(needle.bytes);
    return offset === -1 ? [] : [{ secret: needle.secret, form: needle.form, file, offset }];
  });
}

/** All files below `folder`: objects, databases with their write-ahead logs, logs. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Searches every file below the folders. */
export function scanFolders(
  secrets: readonly NamedSecret[],
  folders: readonly string[],
): { findings: Finding[]; files: string[]; bytes: number } {
  const files = folders.flatMap(filesBelow);
  let bytes = 0;
  const findings = files.flatMap((file) => {
    const contents = readFileSync(file);
    bytes += contents.length;
    return findSecrets(secrets, file, contents);
  });
  return { findings, files, bytes };
}
