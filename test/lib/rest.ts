/**
 * The REST surface for tests: requests signed by aws4fetch, answers with their status.
 */

import { createHash, randomUUID } from "node:crypto";
import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  DeleteHsmCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { AwsV4Signer } from "aws4fetch";
import type { RestBody } from "./answers.ts";
import {
  accessKey,
  backupsReady,
  cloudHsm,
  clusterInState,
  describeCluster,
  hsmsActive,
  initializedCluster,
  ONE_REQUEST,
  REGION,
  until,
  ZONE,
} from "./aws.ts";
import type { Edge } from "./mf.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: RestBody;
}

export interface RestOptions {
  readonly session?: string;
  readonly region?: string;
  readonly role?: "owner" | "operator" | "auditor";
  readonly service?: string;
  readonly headers?: Record<string, string>;
}

export async function restFetch(
  edge: Pick<Edge, "url">,
  method: string,
  path: string,
  body?: unknown,
  options: RestOptions = {},
): Promise<Response> {
  const key = await accessKey(options.role);
  const text = body === undefined ? undefined : JSON.stringify(body);
  const signer = new AwsV4Signer({
    method,
    url: new URL(path, edge.url).href,
    headers: {
      ...(text === undefined
        ? {}
        : { "content-type": "application/json", "x-amz-content-sha256": sha256(text) }),
      // Tests ask the same thing twice within a second: two requests, not one sent again.
      ...(method === "GET" ? {} : { "idempotency-key": randomUUID() }),
      ...(options.session === undefined ? {} : { "holdfast-session": options.session }),
      ...options.headers,
    },
    ...(text === undefined ? {} : { body: text }),
    accessKeyId: key.accessKeyId,
    secretAccessKey: key.secretAccessKey,
    service: options.service ?? "holdfast",
    region: options.region ?? REGION,
    allHeaders: true,
  });
  const signed = await signer.sign();
  return fetch(signed.url, {
    method,
    headers: { ...Object.fromEntries(signed.headers), ...ONE_REQUEST },
    ...(text === undefined ? {} : { body: text }),
  });
}

export async function rest(
  edge: Pick<Edge, "url">,
  method: string,
  path: string,
  body?: unknown,
  options: RestOptions = {},
): Promise<RestAnswer> {
  const response = await restFetch(edge, method, path, body, options);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? null : JSON.parse(text),
  };
}

export const ADMIN_PASSWORD = "admin-password-1";
export const ALICE_PASSWORD = "alice-password-1";

/** A cluster in service: one HSM, activated, with a CO `admin` and a CU `alice`. */
export interface ServingCluster {
  readonly client: CloudHSMV2Client;
  readonly clusterId: string;
  readonly hsmId: string;
  /** `/v1/clusters/…`. */
  readonly path: string;
  /** Session tokens. */
  readonly admin: string;
  readonly alice: string;
}

export async function servingCluster(edge: Pick<Edge, "url">): Promise<ServingCluster> {
  const client = await cloudHsm(edge);
  const { clusterId, hsmId } = await initializedCluster(client);
  const { PreCoPassword } = await describeCluster(client, clusterId);
  const path = `/v1/clusters/${clusterId}`;
  const passwords = { password: PreCoPassword, newPassword: ADMIN_PASSWORD };
  await ok(edge, "POST", `${path}/activate`, passwords);
  await clusterInState(client, clusterId, "ACTIVE");
  await backupsReady(client, clusterId, 1);
  const admin = await login(edge, path, "admin", ADMIN_PASSWORD);
  const user = { username: "alice", role: "CU", password: ALICE_PASSWORD };
  await ok(edge, "POST", `${path}/users`, user, { session: admin });
  const alice = await login(edge, path, "alice", ALICE_PASSWORD);
  return { client, clusterId, hsmId, path, admin, alice };
}

/** The body of an answer that must be a success. */
export async function ok(
  edge: Pick<Edge, "url">,
  method: string,
  path: string,
  body?: unknown,
  options: RestOptions = {},
): Promise<RestBody> {
  const answer = await rest(edge, method, path, body, options);
  if (answer.status >= 300) {
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

/** The token of a new session. */
export async function login(
  edge: Pick<Edge, "url">,
  path: string,
  username: string,
  password: string,
): Promise<string> {
  const { token } = await ok(edge, "POST", `${path}/sessions`, { username, password });
  return token;
}

/** A backup on demand, once it is READY: its row. */
export async function backUp(edge: Pick<Edge, "url">, cluster: Pick<ServingCluster, "path">) {
  const { backupId } = await ok(edge, "POST", `${cluster.path}/backups`, {});
  return until(
    () => ok(edge, "GET", `/v1/backups/${backupId}`),
    (row) => row.state === "READY" || row.failure !== null,
    30_000,
  );
}

/** Deletes the cluster's HSM, waiting for its last backup; the row of that backup. */
export async function removeHsm(client: CloudHSMV2Client, clusterId: string): Promise<void> {
  const { Hsms = [] } = await describeCluster(client, clusterId);
  const HsmId = Hsms[0]?.HsmId ?? "";
  await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId }));
  await until(
    () => describeCluster(client, clusterId),
    (cluster) => (cluster.Hsms ?? []).length === 0,
    30_000,
  );
}

/** Adds an HSM and waits until it serves. */
export async function addHsm(
  client: CloudHSMV2Client,
  clusterId: string,
  count: number,
): Promise<void> {
  await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
  await hsmsActive(client, clusterId, count);
}
