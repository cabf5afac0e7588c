/**
 * The owner's claim: which certificates InitializeCluster takes, and what it says of the others.
 */
import "reflect-metadata";
import {
  type CloudHSMV2Client,
  CreateHsmCommand,
  InitializeClusterCommand,
} from "@aws-sdk/client-cloudhsm-v2";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WebCryptoAuthority } from "../../../scripts/customer/authority.ts";
import { encodePem, parsePem } from "../../../src/crypto/pem.ts";
import { certificateCase } from "../../hsm/certificates/cases.ts";
import { derBytes, derTree } from "../../hsm/certificates/der-tree.ts";
import { curveAuthority, testAuthority } from "../../lib/authority.ts";
import {
  cloudHsm,
  clusterInState,
  createCluster,
  hsmsActive,
  refusal,
  ZONE,
} from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";

let edge: Edge;
let client: CloudHSMV2Client;
beforeAll(async () => {
  edge = await startEdge();
  client = await cloudHsm(edge);
});
afterAll(() => edge.stop());

const INVALID = "CloudHsmInvalidRequestException";

function pemBytes(pem: string): Uint8Array {
  const [block] = parsePem(pem);
  return block?.bytes ?? new Uint8Array(0);
}

/** The same certificate, with the length of its signature told in an octet too many. */
function longLength(der: Uint8Array): Uint8Array {
  const tree = derTree(der);
  const signature = tree.children?.[2];
  return derBytes(tree, (node, contents) => {
    const { length } = contents;
    const head = [node.tag, 0x83, 0, length >> 8, length & 0xff];
    return node === signature ? Uint8Array.of(...head, ...contents) : null;
  });
}

describe("InitializeCluster refuses", () => {
  let clusterId: string;
  let csr: string;
  let owner: WebCryptoAuthority;
  beforeAll(async () => {
    owner = await testAuthority();
    clusterId = await createCluster(client);
    await clusterInState(client, clusterId, "UNINITIALIZED");
    await client.send(new CreateHsmCommand({ ClusterId: clusterId, AvailabilityZone: ZONE }));
    csr = (await hsmsActive(client, clusterId, 1)).Certificates?.ClusterCsr ?? "";
  });

  async function claim(SignedCert: string, TrustAnchor: string): Promise<string> {
    const order = { ClusterId: clusterId, SignedCert, TrustAnchor };
    const { name, message } = await refusal(client.send(new InitializeClusterCommand(order)));
    expect(name).toBe(INVALID);
    return message;
  }

  it("what is no certificate", async () => {
    const good = await owner.sign(csr);
    expect(await claim("nothing", owner.pem)).toContain("SignedCert is not one X.509");
    expect(await claim(good, csr)).toContain("TrustAnchor is not one X.509");
    expect(await claim(good + good, owner.pem)).toContain("SignedCert is not one X.509");
  });

  it("what is no DER, or has no dates, and says why", async () => {
    const good = await owner.sign(csr);
    const der = pemBytes(good);
    const changed = (bytes: Uint8Array) => encodePem("CERTIFICATE", bytes);
    const [trailing, long] = [Uint8Array.of(...der, 0), longLength(der)];
    expect(await claim(changed(trailing), owner.pem)).toBe(
      "SignedCert is not one X.509 certificate in PEM: it has trailing bytes.",
    );
    expect(await claim(changed(long), owner.pem)).toContain("a length in it is not DER");
    expect(await claim(good, changed(longLength(pemBytes(owner.pem))))).toContain(
      "TrustAnchor is not one X.509 certificate in PEM: a length in it is not DER",
    );
    const undated = certificateCase("c11-utctime-no-seconds.pem");
    expect(await claim(undated, owner.pem)).toContain("its notBefore is not written as");
    const broken = `${good}-----BEGIN CERTIFICATE-----`;
    expect(await claim(broken, owner.pem)).toContain("SignedCert is not one X.509");
  });

  it("a certificate for another key", async () => {
    const other = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    const signed = await owner.sign(csr, { publicKey: other.publicKey });
    expect(await claim(signed, owner.pem)).toContain("does not hold the public key");
  });

  it("a certificate that another authority signed, even one of the same name", async () => {
    const stranger = await testAuthority({ place: 1 });
    expect(await claim(await stranger.sign(csr), owner.pem)).toContain("not signed directly");
  });

  it("a certificate that has run out", async () => {
    const signed = await owner.sign(csr, { notAfter: new Date(Date.now() - 1_000) });
    expect(await claim(signed, owner.pem)).toContain("SignedCert is not valid at this time");
  });

  it.each<[string, () => Promise<WebCryptoAuthority>, string]>([
    ["of 3072 bits", () => testAuthority({ bits: 3072 }), "RSA key of 2048 or 4096 bits"],
    ["on a curve", () => curveAuthority(), "RSA key of 2048 or 4096 bits"],
    [
      "that has run out",
      () => testAuthority({ notAfter: new Date(Date.now() - 1_000) }),
      "TrustAnchor is not valid",
    ],
    [
      "that is no authority",
      () => testAuthority({ extensions: [new x509.BasicConstraintsExtension(false)] }),
      "not a certificate authority",
    ],
    [
      "with extensions but no BasicConstraints",
      () =>
        testAuthority({
          extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign)],
        }),
      "must have BasicConstraints",
    ],
    [
      "that may not sign",
      () =>
        testAuthority({
          extensions: [
            new x509.BasicConstraintsExtension(true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature),
          ],
        }),
      "may not sign certificates",
    ],
  ])("an anchor %s", async (_, create, message) => {
    const anchor = await create();
    expect(await claim(await anchor.sign(csr), anchor.pem)).toContain(message);
  });

  it("an anchor that is not self-signed", async () => {
    const root = await testAuthority();
    const signed = await root.sign(csr);
    expect(await claim(signed, signed)).toContain("TrustAnchor is not self-signed");
  });

  it("a cluster without an HSM, and a claimed one; but takes an anchor of 4096 bits", async () => {
    const big = await testAuthority({ bits: 4096, extensions: [] });
    const SignedCert = `certificate of the HSM\n${await big.sign(csr)}`;
    const order = { ClusterId: clusterId, SignedCert, TrustAnchor: big.pem };
    const answer = await client.send(new InitializeClusterCommand(order));
    expect(answer).toMatchObject({
      State: "INITIALIZE_IN_PROGRESS",
      StateMessage: "Cluster is initializing. State will change to INITIALIZED upon completion.",
    });
    expect((await refusal(client.send(new InitializeClusterCommand(order)))).name).toBe(INVALID);
    const empty = await createCluster(client);
    await clusterInState(client, empty, "UNINITIALIZED");
    const early = new InitializeClusterCommand({ ...order, ClusterId: empty });
    expect((await refusal(client.send(early))).message).toContain("no certificate signing request");
  });
});
