/**
 * Requests that can be read in two ways, or ask for work before they may: how they are signed, how their
 * bodies are announced, and what is told of a signature that does not hold.
 */
import { Agent } from "node:http";
import { CloudHSMV2Client, DescribeBackupsCommand } from "@aws-sdk/client-cloudhsm-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessKey, REGION } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";
import { type PlainRequest, sendPlain, sha256 } from "./plain-client.ts";

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.stop());

const WIRE = {
  "content-type": "application/x-amz-json-1.1",
  "x-amz-target": "BaldrApiService.DescribeBackups",
};
const EMPTY = { headers: WIRE, body: "{}" };
const MEGABYTE = 1024 * 1024;

describe("a signature is accepted", () => {
  it.each<[string, () => PlainRequest]>([
    ["as the documentation writes it", () => EMPTY],
    [
      "over a header that was sent twice",
      () => ({ ...EMPTY, headers: { ...WIRE, "x-amz-meta": ["one", "two"] } }),
    ],
    [
      "over a header with a comma and a space in its one value",
      () => ({ ...EMPTY, headers: { ...WIRE, "user-agent": "one, two" } }),
    ],
    [
      "over one of each",
      () => ({
        ...EMPTY,
        headers: { ...WIRE, "user-agent": "one, two", "x-amz-meta": ["one", "two"] },
      }),
    ],
    ["over a host in capitals", () => ({ ...EMPTY, headers: { ...WIRE, host: capitals() } })],
    [
      "over a host in lower case that was sent in capitals",
      () => ({
        ...EMPTY,
        headers: { ...WIRE, host: capitals() },
        signedValues: { host: capitals().toLowerCase() },
      }),
    ],
    [
      "without spaces between its parts",
      () => ({ ...EMPTY, authorization: (header) => header.replaceAll(", ", ",") }),
    ],
  ])("%s", async (_, call) => {
    const { status, body } = await sendPlain(edge, call());
    expect([status, body]).toEqual([200, { Backups: [] }]);
  });
});

/** The name of the loopback as some people's configuration has it. */
const capitals = () => `LOCALHOST:${edge.url.port}`;

describe("the path", () => {
  const FOLDER = "/v1/clusters/cluster-aaaaaaaaaaa";

  it.each<[string, string, string, string]>([
    ["with a colon, encoded as AWS has it", "/keys:import", "/keys%3Aimport", "request_invalid"],
    ["with a colon, as it was sent", "/keys:import", "/keys:import", "request_invalid"],
    ["encoded, and encoded once more", "/keys%3Aimport", "/keys%253Aimport", "route_not_found"],
    ["encoded, as it was sent", "/keys%3Aimport", "/keys%3Aimport", "signature_mismatch"],
    ["encoded, decoded", "/keys%3Aimport", "/keys:import", "signature_mismatch"],
    ["of another request", "/keys:import", "/users:import", "signature_mismatch"],
  ])("may be signed %s, or not", async (_, path, signedPath, code) => {
    const { body } = await sendPlain(edge, {
      path: `${FOLDER}${path}`,
      signedPath: `${FOLDER}${signedPath}`,
      service: "holdfast",
      headers: { "content-type": "application/json", "holdfast-session": "x".repeat(43) },
      body: '{"keys":[]}',
    });
    expect(body.error.code).toBe(code);
  });
});

describe("a signature is refused", () => {
  it.each<[string, PlainRequest, string, RegExp]>([
    [
      "with Authorization sent twice",
      { ...EMPTY, authorization: (header) => [header, header] },
      "IncompleteSignatureException",
      /parts other than/,
    ],
    ...["Credential", "SignedHeaders", "Signature"].map(
      (name): [string, PlainRequest, string, RegExp] => [
        `with ${name} said twice`,
        {
          ...EMPTY,
          authorization: (header) => `${header}, ${new RegExp(`${name}=[^,]+`).exec(header)?.[0]}`,
        },
        "IncompleteSignatureException",
        new RegExp(`'${name}' more than once`),
      ],
    ),
    [
      "with a part that is none",
      { ...EMPTY, authorization: (header) => `${header}, Extra=1` },
      "IncompleteSignatureException",
      /parts other than/,
    ],
    [
      "of twenty thousand characters",
      { ...EMPTY, authorization: (header) => `${header}${" ".repeat(20_000)}x` },
      "IncompleteSignatureException",
      /more than 4096 characters/,
    ],
    [
      "over a header that was not sent",
      {
        ...EMPTY,
        signedHeaders: ["content-type", "host", "x-amz-date", "x-amz-target", "x-other"],
      },
      "IncompleteSignatureException",
      /'x-other', which was not sent/,
    ],
    [
      "with names in capitals",
      { ...EMPTY, authorization: (header) => header.replace("=content-type", "=Content-Type") },
      "IncompleteSignatureException",
      /in lower case/,
    ],
    [
      "with names out of order",
      { ...EMPTY, signedHeaders: ["host", "content-type", "x-amz-date", "x-amz-target"] },
      "IncompleteSignatureException",
      /in order, each name once/,
    ],
    [
      "with a session token, which no key here has",
      { ...EMPTY, headers: { ...WIRE, "x-amz-security-token": "a-token" } },
      "UnrecognizedClientException",
      /Unset AWS_SESSION_TOKEN/,
    ],
  ])("%s", async (_, call, type, message) => {
    const { status, body } = await sendPlain(edge, call);
    expect([status, body.__type]).toEqual([400, type]);
    expect(body.Message).toMatch(message);
  });

  it("for a target without its prefix, which is no operation", async () => {
    const headers = { ...WIRE, "x-amz-target": "DescribeBackups" };
    const { body } = await sendPlain(edge, { headers, body: "{}" });
    expect(body.__type).toBe("UnknownOperationException");
  });
});

describe("a signature that does not hold", () => {
  const SECRET = "a-session-token-that-nobody-may-see";
  const BASE = {
    method: "GET",
    path: "/v1/clusters/cluster-aaaaaaaaaaa/digest",
    service: "holdfast",
    headers: { "holdfast-session": SECRET, "x-api-key": SECRET, accept: "application/json" },
  };

  it("is told what should have been signed, without what is secret in it", async () => {
    const { status, body } = await sendPlain(edge, { ...BASE, secretAccessKey: "x".repeat(40) });
    expect([status, body.error.code]).toEqual([401, "signature_mismatch"]);
    const [, canonical = ""] = /should have been\n'([\s\S]*)'$/.exec(body.error.message) ?? [];
    expect(canonical.split("\n")).toEqual([
      "GET",
      BASE.path,
      "",
      "accept:application/json",
      "holdfast-session:(not shown)",
      `host:${edge.url.host}`,
      expect.stringMatching(/^x-amz-date:\d{8}T\d{6}Z$/),
      "x-api-key:(not shown)",
      "",
      "accept;holdfast-session;host;x-amz-date;x-api-key",
      sha256(""),
    ]);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it("is not told the signature that would have been right", async () => {
    let right = "";
    const remember = (header: string) => {
      right = header.slice(-64);
      return `${header.slice(0, -1)}${header.endsWith("0") ? "1" : "0"}`;
    };
    const { body } = await sendPlain(edge, { ...BASE, authorization: remember });
    expect(body.error.code).toBe("signature_mismatch");
    expect(JSON.stringify(body)).not.toContain(right);
  });
});

describe("a long body", () => {
  const IMPORT = {
    path: "/v1/clusters/cluster-aaaaaaaaaaa/keys:import",
    service: "holdfast",
    headers: { "content-type": "application/json" },
  };
  const hash = { "x-amz-content-sha256": sha256("what is never sent") };

  it.each<[string, PlainRequest, number, string]>([
    [
      "by an unknown key",
      { ...IMPORT, accessKeyId: "AKIDUNKNOWNUNKNOWN00" },
      401,
      "access_key_unknown",
    ],
    [
      "under a malformed signature",
      { ...IMPORT, authorization: (header) => header.slice(0, -1) },
      401,
      "signature_incomplete",
    ],
    ["by a known key without its hash", IMPORT, 401, "body_hash_missing"],
    [
      "by a known key under a signature that does not hold",
      { ...IMPORT, headers: { ...IMPORT.headers, ...hash }, secretAccessKey: "x".repeat(40) },
      401,
      "signature_mismatch",
    ],
    [
      "and is too large",
      { ...IMPORT, headers: { ...IMPORT.headers, ...hash }, announcedBytes: 8 * MEGABYTE + 1 },
      413,
      "body_too_large",
    ],
  ])("%s, is not waited for when it never comes", async (_, call, status, code) => {
    const answer = await sendPlain(edge, { announcedBytes: 8 * MEGABYTE, ...call });
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
  });

  it("that does not say how long it is may be as long as one without its hash", async () => {
    const body = JSON.stringify({ keys: [], x: "x".repeat(100_000) });
    const headers = { ...IMPORT.headers, "x-amz-content-sha256": sha256(body) };
    const answer = await sendPlain(edge, { ...IMPORT, headers, body, isChunked: true });
    expect([answer.status, answer.body.error.code]).toEqual([401, "body_hash_missing"]);
  });

  it("a short one needs no hash, a long one has to have it", async () => {
    const call = (bytes: number) => ({
      ...IMPORT,
      body: JSON.stringify({ keys: [], x: "x".repeat(bytes - 18) }),
    });
    const short = await sendPlain(edge, call(64 * 1024));
    expect(short.body.error.code).not.toMatch(/hash|signature/);
    const long = await sendPlain(edge, call(64 * 1024 + 1));
    expect([long.status, long.body.error.code]).toEqual([401, "body_hash_missing"]);
  });
});

it("a short request that is refused leaves its connection to the next", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  agent.on("free", (socket) => sockets.add(socket));
  const refused = { ...EMPTY, accessKeyId: "AKIDUNKNOWNUNKNOWN00", agent };
  for (const call of [refused, refused, { ...EMPTY, agent }]) await sendPlain(edge, call);
  expect(sockets.size).toBe(1);
  agent.destroy();
});

it("a client whose clock is an hour behind sets it by the answer and comes in", async () => {
  const { accessKeyId, secretAccessKey } = await accessKey();
  const client = new CloudHSMV2Client({
    endpoint: edge.url.origin,
    region: REGION,
    credentials: { accessKeyId, secretAccessKey },
    systemClockOffset: -3_600_000,
  });
  // This client repeats the call by itself or not, and is right from then on.
  await client.send(new DescribeBackupsCommand({})).catch((error: Error) => {
    expect(error.name).toBe("InvalidSignatureException");
  });
  expect((await client.send(new DescribeBackupsCommand({}))).Backups).toEqual([]);
});

describe("every answer", () => {
  it.each<[string, PlainRequest]>([
    ["of the AWS wire", EMPTY],
    ["of the AWS wire, when it refuses", { ...EMPTY, secretAccessKey: "x".repeat(40) }],
    ["of the REST surface", { method: "GET", path: "/v1/health", headers: {} }],
    ["of the REST surface, when it refuses", { method: "GET", path: "/v1/nothing", headers: {} }],
  ])("%s says the time, and may be neither kept nor guessed at", async (_, call) => {
    const { headers } = await sendPlain(edge, call);
    expect(Math.abs(Date.parse(String(headers["date"])) - Date.now())).toBeLessThan(60_000);
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });
});
