import "reflect-metadata";
import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  DeleteClusterCommand,
  DeleteHsmCommand,
  DescribeClustersCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  activeCluster,
  backupsReady,
  cloudHsm,
  clusterInState,
  createCluster,
  describeCluster,
  hsmsActive,
  initializedCluster,
  rawCall,
  refusal,
  SUBNET,
  until,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, startEdge, testSecrets } from "../../lib/mf.ts";

let edge: Edge;
let client: CloudHSMV2Client;
beforeAll(async () => {
  edge = await startEdge();
  client = await cloudHsm(edge);
});
afterAll(() => edge.stop());

describe("a cluster", () => {
  it("is described as the service describes one", async () => {
    const { status, body } = await rawCall(edge, "CreateCluster", {
      HsmType: "hsm2m.medium",
      Mode: "NON_FIPS",
      SubnetIds: [SUBNET, "subnet-0123456789abcdef1"],
      TagList: [{ Key: "purpose", Value: "rehearsal" }],
    });
    expect(status).toBe(200);
    expect(body.Cluster).toEqual({
      BackupPolicy: "DEFAULT",
      BackupRetentionPolicy: { Type: "DAYS", Value: "90" },
      ClusterId: expect.stringMatching(/^cluster-[2-7a-z]{11}$/),
      CreateTimestamp: expect.closeTo(Date.now() / 1000, 0),
      Hsms: [],
      HsmType: "hsm2m.medium",
      SecurityGroup: expect.stringMatching(/^sg-[0-9a-f]{17}$/),
      State: "CREATE_IN_PROGRESS",
      StateMessage: "",
      SubnetMapping: { "us-east-1a": SUBNET, "us-east-1b": "subnet-0123456789abcdef1" },
      VpcId: expect.stringMatching(/^vpc-[0-9a-f]{17}$/),
      NetworkType: "IPV4",
      Certificates: {},
      TagList: [{ Key: "purpose", Value: "rehearsal" }],
      Mode: "NON_FIPS",
    });
  });

  it("shows the first password of PRECO to those who may activate it, the same every time", async () => {
    const clusterId = await createCluster(client);
    const { PreCoPassword } = await clusterInState(client, clusterId, "UNINITIALIZED");
    expect(PreCoPassword).toMatch(/^[a-z2-7]{16}$/);
    expect((await describeCluster(client, clusterId)).PreCoPassword).toBe(PreCoPassword);
    const auditor = await cloudHsm(edge, { role: "auditor" });
    expect((await describeCluster(auditor, clusterId)).PreCoPassword).toBeUndefined();
  });

  it("gets real certificates with its first HSM, and one of its owner's instead when it is claimed", async () => {
    const clusterId = await createCluster(client);
    await clusterInState(client, clusterId, "UNINITIALIZED");
    const { Hsm } = await client.send(
      new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }),
    );
    expect(Hsm).toMatchObject({ State: "CREATE_IN_PROGRESS", EniIp: "10.0.0.4", SubnetId: SUBNET });
    const { Certificates, State } = await hsmsActive(client, clusterId, 1);
    expect(State).toBe("UNINITIALIZED");
    await expectChains({ ...Certificates }, Hsm?.HsmId ?? "");
  });

  it("is claimed, and keeps nothing of the request", async () => {
    const { clusterId } = await initializedCluster(client);
    const { Certificates } = await describeCluster(client, clusterId);
    expect(Object.keys(Certificates ?? {})).toEqual(["ClusterCertificate"]);
  });

  it("lives: activated, a second HSM, the first removed, the last removed, one again, gone", async () => {
    const { clusterId, hsmId } = await activeCluster(edge, client);
    const placed = { ClusterId: clusterId, AvailabilityZone: ZONE };
    const { Hsm: second } = await client.send(new CreateHsmCommand(placed));
    await hsmsActive(client, clusterId, 2);
    expect(await backupsReady(client, clusterId, 2)).toHaveLength(2);

    const removed = await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    expect(removed.HsmId).toBe(hsmId);
    await hsmsActive(client, clusterId, 1);
    expect(await backupsReady(client, clusterId, 3)).toHaveLength(3);

    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, EniIp: second?.EniIp ?? "" }));
    await until(
      () => describeCluster(client, clusterId),
      ({ Hsms = [] }) => Hsms.length === 0,
    );
    expect((await describeCluster(client, clusterId)).State).toBe("ACTIVE");
    expect(await backupsReady(client, clusterId, 4)).toHaveLength(4);

    const { Hsm: third } = await client.send(new CreateHsmCommand(placed));
    await hsmsActive(client, clusterId, 1);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, EniId: third?.EniId ?? "" }));
    await until(
      () => describeCluster(client, clusterId),
      ({ Hsms = [] }) => Hsms.length === 0,
    );
    const { Cluster } = await client.send(new DeleteClusterCommand({ ClusterId: clusterId }));
    expect(Cluster).toMatchObject({
      State: "DELETE_IN_PROGRESS",
      StateMessage: "The cluster is being deleted.",
    });
    await clusterInState(client, clusterId, "DELETED");
    expect(await backupsReady(client, clusterId, 5)).toHaveLength(5);
  });

  it("goes back to UNINITIALIZED when its one HSM is deleted before activation", async () => {
    const { clusterId, hsmId } = await initializedCluster(client);
    await client.send(new DeleteHsmCommand({ ClusterId: clusterId, HsmId: hsmId }));
    const cluster = await clusterInState(client, clusterId, "UNINITIALIZED");
    expect(cluster.Certificates).toEqual({});
    expect(cluster.StateMessage).toContain("Create an HSM and initialize again");
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    const { Certificates } = await hsmsActive(client, clusterId, 1);
    expect(Certificates?.ClusterCsr).toContain("CERTIFICATE REQUEST");
  });

  it("is made from a backup: ACTIVE at once, the same certificate, its own chain", async () => {
    const source = await activeCluster(edge, client);
    const clusterId = await createCluster(client, { SourceBackupId: source.backupId });
    const cluster = await clusterInState(client, clusterId, "ACTIVE");
    expect(cluster.Hsms).toEqual([]);
    expect(cluster.SourceBackupId).toBe(source.backupId);
    expect(cluster.Certificates).toEqual(
      (await describeCluster(client, source.clusterId)).Certificates,
    );
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    await hsmsActive(client, clusterId, 1);
  });

  it("is made from a backup named by its ARN", async () => {
    const { backupId } = await activeCluster(edge, client);
    const arn = `arn:aws:cloudhsm:us-east-1:123456789012:backup/${backupId}`;
    const clusterId = await createCluster(client, { SourceBackupId: arn });
    expect((await clusterInState(client, clusterId, "ACTIVE")).SourceBackupId).toBe(backupId);
  });

  it("is listed in its own region only", async () => {
    const clusterId = await createCluster(client);
    const elsewhere = await cloudHsm(edge, { region: "eu-west-1" });
    const answer = await elsewhere.send(new DescribeClustersCommand({}));
    expect(answer.Clusters?.map((cluster) => cluster.ClusterId)).not.toContain(clusterId);
    const refused = await refusal(
      elsewhere.send(new DeleteClusterCommand({ ClusterId: clusterId })),
    );
    expect(refused.name).toBe("CloudHsmResourceNotFoundException");
  });
});

/** The chains that an owner checks before a claim: both roots, the hardware, the HSM, the request. */
async function expectChains(certificates: Record<string, string | undefined>, hsmId: string) {
  const read = (name: string) => new x509.X509Certificate(certificates[name] ?? "");
  const hsm = read("HsmCertificate");
  const request = new x509.Pkcs10CertificateRequest(certificates["ClusterCsr"] ?? "");
  const { bindings } = await testSecrets();
  const roots = JSON.parse(bindings["MANUFACTURER_CA"] ?? "");
  for (const [name, root] of [
    ["AwsHardwareCertificate", roots.operator.certificate],
    ["ManufacturerHardwareCertificate", roots.manufacturer.certificate],
  ] as const) {
    const hardware = read(name);
    const { publicKey } = new x509.X509Certificate(root);
    expect(await hardware.verify({ publicKey }), `${name} under its root`).toBe(true);
    expect(await hsm.verify({ publicKey: hardware.publicKey }), `HSM under ${name}`).toBe(true);
    expect(hsm.issuer).toBe(hardware.subject);
  }
  expect(await request.verify()).toBe(true);
  expect(Buffer.from(hsm.publicKey.rawData)).toEqual(Buffer.from(request.publicKey.rawData));
  expect(request.publicKey.algorithm).toMatchObject({ modulusLength: 2048 });
  expect(request.subjectName.getField("CN")).toEqual([`HSM:${hsmId}:PARTN:1, for FIPS mode`]);
}
