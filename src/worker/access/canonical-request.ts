/**
 * The request that a signature must have been made over, and the signature of it.
 *
 * Spec: docs/AWS.md, "Signatures". The signer is aws4fetch's; what it cannot know is put into it: the
 * host as it was sent, that a header sent twice may have been joined in either way, and that a path may
 * have been signed as it was sent.
 */
import { AwsV4Signer } from "aws4fetch";
import type { AccessKey } from "../platform/deployment.ts";
import type { Authorization } from "./authorization.ts";

/** Headers whose values are shown to whoever signed them wrongly; of others only the name is. */
const SHOWN_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "amz-sdk-invocation-id",
  "amz-sdk-request",
  "content-length",
  "content-type",
  "host",
  "idempotency-key",
  "user-agent",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-target",
]);
const STRUCK_OUT = "(not shown)";

/** Longest canonical request that is shown, in characters. */
const MAX_SHOWN_CHARACTERS = 4096;
/** Each costs a hash and an HMAC. */
const MAX_READINGS = 8;

export class CanonicalRequest {
  readonly #signer: AwsV4Signer;
  readonly #request: Request;
  readonly #names: readonly string[];
  readonly #bodyBytes: number | null;

  /**
   * @param body - its SHA-256, 64 hexadecimal digits, and its length in bytes once it has been read.
   */
  constructor(
    request: Request,
    authorization: Authorization,
    key: AccessKey,
    body: { readonly hash: string; readonly bytes: number | null },
  ) {
    this.#request = request;
    this.#names = authorization.signedHeaders;
    this.#signer = new AwsV4Signer({
      method: request.method,
      url: request.url,
      // What the signer takes for the body's hash; the signed headers are set below.
      headers: { "x-amz-content-sha256": body.hash },
      accessKeyId: key.accessKeyId,
      secretAccessKey: key.secretAccessKey,
      service: authorization.service,
      region: authorization.region,
      datetime: request.headers.get("x-amz-date") ?? "",
      allHeaders: true,
    });
    this.#signer.signedHeaders = this.#names.join(";");
    this.#bodyBytes = body.bytes;
  }

  /** The signatures that are right, 64 hexadecimal digits each: one, seldom more. */
  async signatures(): Promise<string[]> {
    const signatures: string[] = [];
    const asAws = this.#signer.encodedPath;
    for (const path of this.#paths(asAws)) {
      for (const headers of this.#readings()) {
        this.#signer.canonicalHeaders = headers;
        this.#signer.encodedPath = path;
        signatures.push(await this.#signer.signature());
      }
    }
    this.#signer.encodedPath = asAws;
    return signatures;
  }

  /** The canonical request for whoever has to find what they signed otherwise. Holds no secret. */
  async shown(): Promise<string> {
    this.#signer.canonicalHeaders = this.#names
      .map((name) => `${name}:${SHOWN_HEADERS.has(name) ? this.#value(name) : STRUCK_OUT}`)
      .join("\n");
    return (await this.#signer.canonicalString()).slice(0, MAX_SHOWN_CHARACTERS);
  }

  /**
   * AWS has a path encoded once more than it is sent, so that its `:` is signed as `%3A`; curl has signed
   * it as it is sent. That is taken where nothing in it is encoded: only then is it not what AWS has
   * another path signed as.
   */
  #paths(asAws: string): string[] {
    const { pathname } = new URL(this.#request.url);
    return pathname.includes("%") ? [asAws] : [...new Set([asAws, pathname])];
  }

  /**
   * The canonical headers in every way they can be meant: a host is signed as it was sent or in lower
   * case; and of a header that was sent twice only its values joined by `, ` arrive, while SigV4 joins
   * them by `,`.
   */
  #readings(): string[] {
    let readings: string[] = [""];
    for (const name of this.#names) {
      const value = this.#value(name);
      const other = name === "host" ? value.toLowerCase() : value.replaceAll(", ", ",");
      const lines = [...new Set([value, other])].map((text) => `${name}:${text}`);
      const all = readings.flatMap((known) => lines.map((line) => `${known}\n${line}`));
      readings = all.slice(0, MAX_READINGS);
    }
    return readings.map((reading) => reading.slice(1));
  }

  /** Headers that the network in front of the worker rewrites are taken from what it reports. */
  #value(name: string): string {
    const { headers, cf, url } = this.#request;
    if (name === "content-length" && this.#bodyBytes !== null) return String(this.#bodyBytes);
    if (name === "accept-encoding") {
      const reported: unknown = cf?.["clientAcceptEncoding"];
      if (typeof reported === "string") return reported;
    }
    const value = headers.get(name) ?? (name === "host" ? new URL(url).host : "");
    return value.trim().replace(/\s+/g, " ");
  }
}
