/**
 * Keys and certificates as people have them, taken in at the edge: its platform reads otherwise
 * than Node.
 */
import { constants, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CERTIFICATE_CASES, certificateCase } from "../../hsm/certificates/cases.ts";
import { KEY_CASES } from "../../hsm/keys/cases.ts";
import { pem, RSA } from "../../lib/key-material.ts";
import type { Edge } from "../../lib/mf.ts";
import { rest, type ServingCluster } from "../../lib/rest.ts";
import { servingEdge } from "../../lib/serving-edge.ts";

let edge: Edge;
let cluster: ServingCluster;
beforeAll(async () => {
  ({ edge, cluster } = await servingEdge());
});
afterAll(() => edge.stop());

function asAlice(method: string, path: string, body?: unknown) {
  return rest(edge, method, `${cluster.path}${path}`, body, { session: cluster.alice });
}

describe("certificates at the edge", () => {
  it.each(CERTIFICATE_CASES)("$file", async ({ file, refused, subject }) => {
    const answer = await asAlice("POST", "/certificates", { pem: certificateCase(file) });
    if (refused === null) {
      expect(answer).toMatchObject({ status: 201, body: { certificates: [{ subject }] } });
    } else {
      expect([answer.status, answer.body.error.code]).toEqual([400, "certificate_unreadable"]);
      expect(answer.body.error.message).toContain(refused);
    }
  });
});

describe("keys at the edge", () => {
  it.each(KEY_CASES)("$name", async ({ material, shown, refused }) => {
    const answer = await asAlice("POST", "/keys", { material });
    if (refused === undefined) {
      expect(answer).toMatchObject({ status: 201, body: shown ?? {} });
      await asAlice("DELETE", `/keys/${answer.body.handle}`);
    } else {
      expect([answer.status, answer.body.error.code]).toEqual([400, refused[0]]);
      expect(answer.body.error.message).toContain(refused[1]);
    }
  });

  it("verify no signature of RSA without its leading zero", async () => {
    const material = { format: "pem", pem: pem(RSA.privateKey, "pkcs8") };
    const { body: key } = await asAlice("POST", "/keys", { material, sign: true, verify: true });
    const options = {
      key: RSA.privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 32,
    };
    const message = Buffer.from("to be signed");
    let signature = sign("sha256", message, options);
    while (signature[0] !== 0) signature = sign("sha256", message, options);
    const check = async (given: Buffer) => {
      const request = { message: message.toString("base64"), signature: given.toString("base64") };
      const path = `/keys/${key.handle}/verify`;
      return (await asAlice("POST", path, { mechanism: "rsa-pss-sha256", ...request })).body;
    };
    expect(await check(signature)).toEqual({ valid: true });
    expect(await check(signature.subarray(1))).toEqual({ valid: false });
  });

  it.each([
    ["a number", { format: "jwk", jwk: { kty: "oct", k: "A".repeat(2_001) } }, "k"],
    ["a name", { format: "jwk", jwk: { kty: "A".repeat(33) } }, "kty"],
    ["DER", { format: "pkcs8", der: "A".repeat(8_196) }, "der"],
    ["PEM", { format: "pem", pem: "A".repeat(65_537) }, "pem"],
  ])("are refused by their place when %s is too long", async (_, material, place) => {
    const answer = await asAlice("POST", "/keys", { material });
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(place);
  });
});
