/**
 * Clients of the AWS wire for tests: a real SDK, and raw signed requests.
 */

import {
  CloudHSMV2Client,
  type Cluster,
  CreateClusterCommand,
  type CreateClusterCommandInput,
  CreateHsmCommand,
  DescribeBackupsCommand,
  DescribeClustersCommand,
  InitializeClusterCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import { AwsV4Signer } from "aws4fetch";
import type { WebCryptoAuthority } from "../../scripts/customer/authority.ts";
import type { DevelopmentAccessKey } from "../../scripts/edge/dev-secrets.ts";
import { WORKER_NAME } from "../../scripts/edge/embedded.ts";
import type { WireBody } from "./answers.ts";
import { testAuthority } from "./authority.ts";
import type { Edge } from "./mf.ts";
import { testSecrets } from "./mf.ts";

export const REGION = "us-east-1";
export const ZONE = `${REGION}a`;
export const SUBNET = "subnet-0123456789abcdef0";
export const ACCOUNT = "123456789012";

export async function accessKey(
  role: DevelopmentAccessKey["role"] = "owner",
): Promise<DevelopmentAccessKey> {
  const { bindings } = await testSecrets();
  const keys: DevelopmentAccessKey[] = JSON.parse(bindings["ACCESS_KEYS"] ?? "[]");
  const key = keys.find((known) => known.role === role);
  if (key === undefined) throw new Error(`no access key of role ${role}`);
  return key;
}

export async function cloudHsm(
  edge: Pick<Edge, "url">,
  options: { region?: string; role?: DevelopmentAccessKey["role"] } = {},
): Promise<CloudHSMV2Client> {
  const { accessKeyId, secretAccessKey } = await accessKey(options.role);
  return new CloudHSMV2Client({
    endpoint: edge.url.origin,
    region: options.region ?? REGION,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
}

const MEDIA_TYPE = "application/x-amz-json-1.1";

/** A raw call of the wire, signed by aws4fetch: shows what an SDK hides. */
export interface RawCall {
  readonly role?: DevelopmentAccessKey["role"];
  readonly region?: string;
  readonly service?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly datetime?: string;
  readonly headers?: Record<string, string>;
  /** Sends the content type without signing it, as SDK for JavaScript v2 does. */
  readonly unsignedContentType?: boolean;
  /** Sent instead of the body that was signed. */
  readonly sentBody?: string;
  /** Last change before sending. */
  readonly tamper?: (headers: Headers) => void;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: WireBody;
}

export async function rawCall(
  edge: Pick<Edge, "url">,
  operation: string,
  input: unknown,
  options: RawCall = {},
): Promise<RawAnswer> {
  const key = await accessKey(options.role);
  const body = typeof input === "string" ? input : JSON.stringify(input);
  const signer = new AwsV4Signer({
    method: "POST",
    url: edge.url.href,
    headers: {
      ...(options.unsignedContentType ? {} : { "content-type": MEDIA_TYPE }),
      "x-amz-target": `BaldrApiService.${operation}`,
      ...options.headers,
    },
    body,
    accessKeyId: options.accessKeyId ?? key.accessKeyId,
    secretAccessKey: options.secretAccessKey ?? key.secretAccessKey,
    service: options.service ?? "cloudhsm",
    region: options.region ?? REGION,
    allHeaders: true,
    ...(options.datetime === undefined ? {} : { datetime: options.datetime }),
  });
  const signed = await signer.sign();
  signed.headers.set("content-type", MEDIA_TYPE);
  options.tamper?.(signed.headers);
  const response = await fetch(signed.url, {
    method: "POST",
    headers: { ...Object.fromEntries(signed.headers), ...ONE_REQUEST },
    body: options.sentBody ?? body,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text ? JSON.parse(text) : null,
  };
}

/**
 * A connection for each request: one that is kept may be closed as it is used again, or lead to the
 * port of an edge that another has taken over.
 */
export const ONE_REQUEST = { connection: "close" } as const;

/** Often enough for nothing to be held up; each call costs as much as many of these. */
const POLL_MS = 50;

/** Asks again until `accept` holds. @throws after ten seconds, with the last answer. */
export async function until<T>(
  ask: () => Promise<T>,
  accept: (answer: T) => boolean,
  limitMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (accept(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export async function describeCluster(
  client: CloudHSMV2Client,
  clusterId: string,
): Promise<Cluster> {
  const { Clusters = [] } = await client.send(
    new DescribeClustersCommand({ Filters: { clusterIds: [clusterId] } }),
  );
  const [cluster] = Clusters;
  if (cluster === undefined) throw new Error(`no cluster ${clusterId}`);
  return cluster;
}

export function clusterInState(client: CloudHSMV2Client, clusterId: string, state: string) {
  return until(
    () => describeCluster(client, clusterId),
    (cluster) => cluster.State === state,
  );
}

/** All HSMs of the cluster ACTIVE, and as many as `count`. */
export function hsmsActive(client: CloudHSMV2Client, clusterId: string, count: number) {
  return until(
    () => describeCluster(client, clusterId),
    ({ Hsms = [] }) => Hsms.length === count && Hsms.every((hsm) => hsm.State === "ACTIVE"),
    30_000,
  );
}

/** Backups of a cluster, newest first, once `count` of them are READY. */
export async function backupsReady(client: CloudHSMV2Client, clusterId: string, count: number) {
  const { Backups = [] } = await until(
    () => client.send(new DescribeBackupsCommand({ Filters: { clusterIds: [clusterId] } })),
    (answer) => (answer.Backups ?? []).filter((row) => row.BackupState === "READY").length >= count,
    30_000,
  );
  return Backups;
}

export async function createCluster(
  client: CloudHSMV2Client,
  input: Partial<CreateClusterCommandInput> = {},
): Promise<string> {
  const order = { HsmType: "hsm2m.medium", Mode: "FIPS", SubnetIds: [SUBNET] };
  const { Cluster } = await client.send(new CreateClusterCommand({ ...order, ...input } as never));
  if (Cluster?.ClusterId === undefined) throw new Error("no cluster in the answer");
  return Cluster.ClusterId;
}

/** A cluster with one HSM, claimed by the owner: INITIALIZED. */
export async function initializedCluster(
  client: CloudHSMV2Client,
  input: Partial<CreateClusterCommandInput> = {},
): Promise<{ clusterId: string; hsmId: string; authority: WebCryptoAuthority }> {
  const clusterId = await createCluster(client, input);
  await clusterInState(client, clusterId, "UNINITIALIZED");
  await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
  const { Certificates, Hsms } = await hsmsActive(client, clusterId, 1);
  const authority = await testAuthority();
  const SignedCert = await authority.sign(Certificates?.ClusterCsr ?? "");
  await client.send(
    new InitializeClusterCommand({ ClusterId: clusterId, SignedCert, TrustAnchor: authority.pem }),
  );
  await clusterInState(client, clusterId, "INITIALIZED");
  return { clusterId, hsmId: Hsms?.[0]?.HsmId ?? "", authority };
}

/** The error of a call that must fail: its AWS name and its text. */
export async function refusal(call: Promise<unknown>): Promise<{ name: string; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) {
      const text = "Message" in error ? String(error.Message) : error.message;
      return { name: error.name, message: text };
    }
    throw error;
  }
  throw new Error("expected a refusal, got an answer");
}

/** The `Region` object by RPC. Only calls reach a test through it; answers stay behind the proxy. */
interface RegionCalls {
  noteActivated(clusterId: string): Promise<unknown>;
  backUpNow(clusterId: string): Promise<unknown>;
  watch(): Promise<unknown>;
}

export async function regionObject<Calls = RegionCalls>(
  edge: Pick<Edge, "mf">,
  region = REGION,
): Promise<Calls> {
  const regions = await edge.mf.getDurableObjectNamespace("REGION", WORKER_NAME);
  return regions.get(regions.idFromName(`${ACCOUNT}/${region}`)) as unknown as Calls;
}

/** An ACTIVE cluster with one HSM and its first backup READY: what PRECO's new password leads to. */
export async function activeCluster(
  edge: Edge,
  client: CloudHSMV2Client,
  input: Partial<CreateClusterCommandInput> = {},
): Promise<{ clusterId: string; hsmId: string; backupId: string; authority: WebCryptoAuthority }> {
  const { clusterId, hsmId, authority } = await initializedCluster(client, input);
  await (await regionObject(edge)).noteActivated(clusterId);
  await clusterInState(client, clusterId, "ACTIVE");
  const [backup] = await backupsReady(client, clusterId, 1);
  return { clusterId, hsmId, backupId: backup?.BackupId ?? "", authority };
}
