/**
 * The control plane through a real AWS SDK client, and the waiting that its states ask for.
 */
import {
  type Backup,
  CloudHSMV2Client,
  type Cluster,
  CreateClusterCommand,
  CreateHsmCommand,
  DeleteHsmCommand,
  DescribeClustersCommand,
  type Hsm,
  InitializeClusterCommand,
  paginateDescribeBackups,
} from "@aws-sdk/client-cloudhsm-v2";
import type { RestAccess } from "./rest-client.ts";

const SUBNET = "subnet-0123456789abcdef0";
const POLL_MS = 100;
const PATIENCE_MS = 120_000;

/** Asks until the answer is not null. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) {
      throw new Error(`waited ${patienceMs / 1000} s in vain for ${what}`);
    }
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}

export class ControlPlane {
  readonly client: CloudHSMV2Client;
  readonly #zone: string;

  constructor(access: RestAccess, maxAttempts = 3) {
    this.#zone = `${access.region}a`;
    this.client = new CloudHSMV2Client({
      endpoint: access.endpoint,
      region: access.region,
      maxAttempts,
      credentials: {
        accessKeyId: access.accessKeyId,
        secretAccessKey: access.secretAccessKey,
      },
    });
  }

  /** A cluster of type hsm2m.medium in FIPS mode, empty or from a backup, once it has settled. */
  async createCluster(sourceBackupId?: string): Promise<Cluster> {
    // The SDK's model is older than `Mode`; unknown members are sent all the same.
    const input = {
      HsmType: "hsm2m.medium",
      Mode: "FIPS",
      SubnetIds: [SUBNET],
      ...(sourceBackupId === undefined ? {} : { SourceBackupId: sourceBackupId }),
    };
    const { Cluster: created } = await this.client.send(new CreateClusterCommand(input));
    const state = sourceBackupId === undefined ? "UNINITIALIZED" : "ACTIVE";
    return await this.clusterIn(state, idOf(created?.ClusterId));
  }

  async clusters(): Promise<Cluster[]> {
    const { Clusters } = await this.client.send(new DescribeClustersCommand({}));
    return Clusters ?? [];
  }

  async cluster(clusterId: string): Promise<Cluster | null> {
    const { Clusters } = await this.client.send(
      new DescribeClustersCommand({ Filters: { clusterIds: [clusterId] } }),
    );
    return Clusters?.[0] ?? null;
  }

  clusterIn(state: string, clusterId: string): Promise<Cluster> {
    return eventually(`${clusterId} to be ${state}`, async () => {
      const cluster = await this.cluster(clusterId);
      return cluster?.State === state ? cluster : null;
    });
  }

  /** A new HSM, once it is ACTIVE: blank in a new cluster, else restored from the newest backup. */
  async createHsm(clusterId: string): Promise<Hsm> {
    const { Hsm: created } = await this.client.send(
      new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: this.#zone }),
    );
    return await this.hsmActive(clusterId, idOf(created?.HsmId));
  }

  hsmActive(clusterId: string, hsmId: string): Promise<Hsm> {
    return eventually(`${hsmId} to be ACTIVE`, async () => {
      const cluster = await this.cluster(clusterId);
      const hsm = cluster?.Hsms?.find((one) => one.HsmId === hsmId);
      if (hsm?.State === "DEGRADED") throw new Error(`${hsmId}: ${hsm.StateMessage}`);
      return hsm?.State === "ACTIVE" ? hsm : null;
    });
  }

  /** Deletes the HSM and waits until it is gone; its backup is READY before that. */
  async deleteHsm(clusterId: string, hsmId: string): Promise<void> {
    await this.client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    await eventually(`${hsmId} to be gone`, async () => {
      const cluster = await this.cluster(clusterId);
      const hsm = cluster?.Hsms?.find((one) => one.HsmId === hsmId);
      return hsm === undefined || hsm.State === "DELETED" ? true : null;
    });
  }

  async initializeCluster(clusterId: string, signed: string, anchor: string): Promise<Cluster> {
    await this.client.send(
      new InitializeClusterCommand({
        ClusterId: clusterId,
        SignedCert: signed,
        TrustAnchor: anchor,
      }),
    );
    return await this.clusterIn("INITIALIZED", clusterId);
  }

  /** All backups of a cluster, newest first. */
  async backups(clusterId: string): Promise<Backup[]> {
    const backups: Backup[] = [];
    const input = { Filters: { clusterIds: [clusterId] } };
    for await (const page of paginateDescribeBackups({ client: this.client }, input)) {
      backups.push(...(page.Backups ?? []));
    }
    return backups;
  }

  backupReady(clusterId: string, backupId: string): Promise<Backup> {
    return eventually(`${backupId} to be READY`, async () => {
      const backup = (await this.backups(clusterId)).find((one) => one.BackupId === backupId);
      return backup?.BackupState === "READY" ? backup : null;
    });
  }
}

/** The id of what has just been created. */
function idOf(id: string | undefined): string {
  if (id === undefined) throw new Error("the answer names nothing that was created");
  return id;
}
