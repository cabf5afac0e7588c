/**
 * What an `Authorization` header says: one algorithm and three parts, each once.
 *
 * Spec: docs/AWS.md, "Signatures". Stricter than many servers: what could be read in two ways is
 * refused, as another reader in front of the worker may read it in the other.
 */

const ALGORITHM = "AWS4-HMAC-SHA256";

const MAX_AUTHORIZATION_CHARACTERS = 4096;
const MAX_SIGNED_HEADERS = 64;
/** RFC 9110 §5.1, in lower case. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const PARTS = ["Credential", "SignedHeaders", "Signature"] as const;
const PART = /^(Credential|SignedHeaders|Signature)=(\S+)$/;

export interface Authorization {
  readonly accessKeyId: string;
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** In lower case, in order, each once. */
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits in lower case. */
  readonly signature: string;
}

type Scope = Pick<Authorization, "accessKeyId" | "date" | "region" | "service">;

/** The parts of the header, or a sentence that says what is wrong with it. */
export function parseAuthorization(header: string): Authorization | string {
  if (header.length > MAX_AUTHORIZATION_CHARACTERS) {
    return `Authorization header has more than ${MAX_AUTHORIZATION_CHARACTERS} characters.`;
  }
  if (!header.startsWith(`${ALGORITHM} `)) {
    return `Authorization header requires the algorithm ${ALGORITHM}.`;
  }
  const parts = new Map<string, string>();
  for (const text of header.slice(ALGORITHM.length).split(",")) {
    const [, name = "", value = ""] = PART.exec(text.trim()) ?? [];
    if (name === "") return `Authorization header has parts other than ${PARTS.join(", ")}.`;
    if (parts.has(name)) return `Authorization header has '${name}' more than once.`;
    parts.set(name, value);
  }
  const missing = PARTS.find((name) => !parts.has(name));
  if (missing !== undefined) return `Authorization header requires '${missing}' parameter.`;
  const scope = parseCredential(parts.get("Credential") ?? "");
  if (typeof scope === "string") return scope;
  const signature = parts.get("Signature") ?? "";
  if (!/^[0-9a-f]{64}$/.test(signature)) return "Signature must be 64 hexadecimal digits.";
  const signedHeaders = (parts.get("SignedHeaders") ?? "").split(";");
  const fault = signedHeadersFault(signedHeaders);
  return fault ?? { ...scope, signature, signedHeaders };
}

function parseCredential(text: string): Scope | string {
  const scope = text.split("/");
  const [accessKeyId, date, region, service, terminator] = scope;
  const isWhole =
    scope.length === 5 && accessKeyId && date && region && service && terminator === "aws4_request";
  if (!isWhole) return "Credential must have the form KEY/DATE/REGION/SERVICE/aws4_request.";
  return { accessKeyId, date, region, service };
}

function signedHeadersFault(names: readonly string[]): string | null {
  if (names.length > MAX_SIGNED_HEADERS) return "SignedHeaders names too many headers.";
  if (!names.every((name) => HEADER_NAME.test(name))) {
    return "SignedHeaders must be header names in lower case, joined by semicolons.";
  }
  const isInOrder = names.every((name, i) => i === 0 || (names[i - 1] ?? "") < name);
  return isInOrder ? null : "SignedHeaders must be in order, each name once.";
}
