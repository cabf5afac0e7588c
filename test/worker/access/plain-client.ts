/**
 * Signature Version 4 as its documentation writes it, and requests byte for byte as a test wants them:
 * what `fetch` would not send, such as a header twice, a host in capitals, a body that never comes.
 */

import { createHash, createHmac, randomUUID } from "node:crypto";
import { type Agent, request } from "node:http";
import type { WireBody } from "../../lib/answers.ts";
import { accessKey, REGION } from "../../lib/aws.ts";
import type { Edge } from "../../lib/mf.ts";

export interface PlainRequest {
  readonly method?: string;
  readonly path?: string;
  /** Signed instead of the path as AWS has it encoded. */
  readonly signedPath?: string;
  /** `name=value` of one parameter. */
  readonly query?: string;
  readonly service?: string;
  /** Sent, and signed unless said otherwise; a list is sent as so many headers of this name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  /** Signed; default all that are sent, in order. */
  readonly signedHeaders?: readonly string[];
  /** Signed instead of what is sent. */
  readonly signedValues?: Readonly<Record<string, string>>;
  /** Last change of the `Authorization` header; a list sends it so many times. */
  readonly authorization?: (header: string) => string | string[];
  /** The body is announced with this length and not sent at all. */
  readonly announcedBytes?: number;
  /** In chunks, without its length. */
  readonly isChunked?: boolean;
  /** Keeps connections; by default each request has its own. */
  readonly agent?: Agent;
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: WireBody;
}

export const sha256 = (data: string | Uint8Array) =>
  createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string) =>
  createHmac("sha256", key).update(text).digest();
const trimmed = (value: string) => value.trim().replace(/\s+/g, " ");

export async function sendPlain(edge: Pick<Edge, "url">, call: PlainRequest): Promise<PlainAnswer> {
  const key = await accessKey();
  const { method = "POST", path = "/", query = "", service = "cloudhsm", body = "" } = call;
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, "");
  const sent: Record<string, string | readonly string[]> = {
    host: edge.url.host,
    "x-amz-date": date,
    // Tests ask the same thing twice within a second: two requests, not one sent again.
    ...(service === "holdfast" && method !== "GET" ? { "idempotency-key": randomUUID() } : {}),
    ...call.headers,
  };
  const names = call.signedHeaders ?? Object.keys(sent).sort();
  const signed = names.map((name) => {
    const value = call.signedValues?.[name] ?? sent[name] ?? "";
    return `${name}:${typeof value === "string" ? trimmed(value) : value.map(trimmed).join(",")}\n`;
  });
  const hash = String(sent["x-amz-content-sha256"] ?? sha256(body));
  const signedPath = call.signedPath ?? encodeURIComponent(path).replaceAll("%2F", "/");
  const canonical = [method, signedPath, query, signed.join(""), names.join(";"), hash].join("\n");
  const scope = `${date.slice(0, 8)}/${REGION}/${service}/aws4_request`;
  const secret = call.secretAccessKey ?? key.secretAccessKey;
  const signingKey = scope.split("/").reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const toSign = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const header =
    `AWS4-HMAC-SHA256 Credential=${call.accessKeyId ?? key.accessKeyId}/${scope}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${hmac(signingKey, toSign).toString("hex")}`;
  const authorization = call.authorization?.(header) ?? header;
  const target = query === "" ? path : `${path}?${query}`;
  return await exchange(edge, method, target, { ...sent, authorization }, body, call);
}

function exchange(
  edge: Pick<Edge, "url">,
  method: string,
  path: string,
  headers: Record<string, string | readonly string[]>,
  body: string | Uint8Array,
  { announcedBytes, isChunked, agent }: PlainRequest,
): Promise<PlainAnswer> {
  return new Promise((answered, failed) => {
    const outgoing = request({
      host: edge.url.hostname,
      port: edge.url.port,
      method,
      path,
      agent: agent ?? false,
      headers: {
        ...(headers as Record<string, string | string[]>),
        ...(isChunked
          ? { "transfer-encoding": "chunked" }
          : { "content-length": announcedBytes ?? Buffer.byteLength(body) }),
      },
    });
    outgoing.on("error", failed);
    outgoing.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const { statusCode = 0 } = response;
        answered({ status: statusCode, headers: response.headers, body: JSON.parse(text) });
        if (announcedBytes !== undefined) outgoing.destroy();
      });
    });
    if (announcedBytes === undefined) outgoing.end(body);
    else outgoing.flushHeaders();
  });
}
