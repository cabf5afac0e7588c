/**
 * The REST surface as a program outside sees it: `fetch`, signed by aws4fetch.
 */
import { createHash, randomUUID } from "node:crypto";
import { AwsClient } from "aws4fetch";

export interface RestAccess {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An answer of /v1 that is not a success: its status, its code for programs, its sentence. */
export class RestError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "RestError";
    this.status = status;
    this.code = code;
  }
}

export class RestClient {
  readonly #access: RestAccess;
  readonly #aws: AwsClient;
  readonly #session: string | null;

  constructor(access: RestAccess, session: string | null = null) {
    this.#access = access;
    this.#session = session;
    this.#aws = new AwsClient({
      accessKeyId: access.accessKeyId,
      secretAccessKey: access.secretAccessKey,
      service: "holdfast",
      region: access.region,
      retries: 0,
    });
  }

  /** The same access, speaking for a user who has logged in to an HSM. */
  withSession(token: string): RestClient {
    return new RestClient(this.#access, token);
  }

  async get<T>(path: string): Promise<T> {
    return await answerOf<T>(await this.#fetch("GET", path));
  }

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    return await answerOf<T>(await this.#fetch("POST", path, JSON.stringify(body)));
  }

  async delete<T>(path: string): Promise<T> {
    return await answerOf<T>(await this.#fetch("DELETE", path));
  }

  /** The bytes behind a path, whole. */
  async download(path: string): Promise<Uint8Array> {
    const response = await this.#fetch("GET", path);
    if (!response.ok) await answerOf(response);
    return new Uint8Array(await response.arrayBuffer());
  }

  async #fetch(method: string, path: string, body?: string): Promise<Response> {
    const headers = new Headers();
    if (body !== undefined) {
      headers.set("content-type", "application/json");
      headers.set("x-amz-content-sha256", createHash("sha256").update(body).digest("hex"));
    }
    // Two equal requests within a second would have one signature, which acts once.
    if (method !== "GET") headers.set("idempotency-key", randomUUID());
    if (this.#session !== null) headers.set("holdfast-session", this.#session);
    return await this.#aws.fetch(`${this.#access.endpoint}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      // By itself aws4fetch leaves the content type unsigned.
      aws: { allHeaders: true },
    });
  }
}

async function answerOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (response.ok) return (text === "" ? null : JSON.parse(text)) as T;
  const { error } = parsedError(text);
  throw new RestError(
    response.status,
    error?.code ?? "unknown",
    `${response.status} ${error?.code ?? ""}: ${error?.message ?? text.slice(0, 200)}`,
  );
}

function parsedError(text: string): { error?: { code?: string; message?: string } } {
  try {
    return JSON.parse(text) as { error?: { code?: string; message?: string } };
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
