import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RawCall, rawCall } from "../../lib/aws.ts";
import { type Edge, startEdge } from "../../lib/mf.ts";

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge.stop());

function amzDate(offsetMs: number): string {
  return new Date(Date.now() + offsetMs).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

const MINUTE_MS = 60_000;
const OK = "OK";
const SHA256_OF_BRACES = createHash("sha256").update("{}").digest("hex");

/** What is wrong with the request, and the exception a client gets to see. */
const CASES: readonly (readonly [string, RawCall, string])[] = [
  ["a good signature", {}, OK],
  [
    "the headers that the SDK for Go signs",
    {
      headers: {
        "amz-sdk-invocation-id": "b7c22da1-3fbd-4421-8008-1ef1530c4be3",
        "amz-sdk-request": "attempt=1; max=25",
        "content-length": "2",
      },
    },
    OK,
  ],
  [
    "the headers that the SDK for JavaScript v2 signs",
    { unsignedContentType: true, headers: { "x-amz-content-sha256": SHA256_OF_BRACES } },
    OK,
  ],
  [
    "a content type unsigned and no hash",
    { unsignedContentType: true },
    "IncompleteSignatureException",
  ],
  ["a clock four minutes behind", { datetime: amzDate(-4 * MINUTE_MS) }, OK],
  ["a clock four minutes ahead", { datetime: amzDate(4 * MINUTE_MS) }, OK],
  [
    "a clock six minutes behind",
    { datetime: amzDate(-6 * MINUTE_MS) },
    "InvalidSignatureException",
  ],
  ["a clock six minutes ahead", { datetime: amzDate(6 * MINUTE_MS) }, "InvalidSignatureException"],
  ["a wrong secret", { secretAccessKey: "x".repeat(40) }, "InvalidSignatureException"],
  ["an unknown key", { accessKeyId: "AKIDUNKNOWNUNKNOWN00" }, "UnrecognizedClientException"],
  ["another body than was signed", { sentBody: '{"MaxResults":1}' }, "InvalidSignatureException"],
  ["another service", { service: "s3" }, "InvalidSignatureException"],
  ["the REST surface's service", { service: "holdfast" }, "InvalidSignatureException"],
  ["a region without a bucket", { region: "ap-south-1" }, "InvalidSignatureException"],
  ["a served region", { region: "eu-west-1" }, OK],
  [
    "the hash of another body",
    { headers: { "x-amz-content-sha256": "0".repeat(64) } },
    "InvalidSignatureException",
  ],
  [
    "no hash on purpose",
    { headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
    "InvalidSignatureException",
  ],
  [
    "no signature",
    { tamper: (headers) => headers.delete("authorization") },
    "MissingAuthenticationTokenException",
  ],
  [
    "another scheme",
    { tamper: (headers) => headers.set("authorization", "Bearer abc") },
    "IncompleteSignatureException",
  ],
  ["a part missing", edited(/, Signature=.*/, ""), "IncompleteSignatureException"],
  ["a short signature", edited(/Signature=..../, "Signature="), "IncompleteSignatureException"],
  ["a flipped digit", edited(/Signature=(.)/, flipped), "InvalidSignatureException"],
  [
    "a scope without its end",
    edited("/aws4_request", "/aws3_request"),
    "IncompleteSignatureException",
  ],
  [
    "a signed header that is no header",
    edited("host;", "host;no header;"),
    "IncompleteSignatureException",
  ],
  [
    "an empty name among the signed headers",
    edited("host;", "host;;"),
    "IncompleteSignatureException",
  ],
  ["the host not signed", edited("host;", ""), "IncompleteSignatureException"],
  ["the target not signed", edited(";x-amz-target", ""), "IncompleteSignatureException"],
  ["the content type not signed", edited("content-type;", ""), "IncompleteSignatureException"],
  [
    "a header added after signing",
    { tamper: (headers) => headers.set("x-amz-tagging", "a=b") },
    "IncompleteSignatureException",
  ],
  [
    "another target than was signed",
    { tamper: (headers) => headers.set("x-amz-target", "BaldrApiService.DescribeClusters") },
    "InvalidSignatureException",
  ],
  [
    "a date unlike the scope's",
    { tamper: (headers) => headers.set("x-amz-date", "20200101T000000Z") },
    "InvalidSignatureException",
  ],
  [
    "a date that is none",
    { datetime: `${amzDate(0).slice(0, 8)}T996199Z` },
    "IncompleteSignatureException",
  ],
];

function edited(pattern: RegExp | string, value: string | ((text: string) => string)): RawCall {
  return {
    tamper: (headers) => {
      const text = headers.get("authorization") ?? "";
      headers.set("authorization", text.replace(pattern, value as string));
    },
  };
}

function flipped(text: string): string {
  return text.endsWith("0") ? "Signature=1" : "Signature=0";
}

describe("a request with", () => {
  it.each(CASES)("%s", async (_, call, expected) => {
    const { status, headers, body } = await rawCall(edge, "DescribeBackups", {}, call);
    expect(headers.get("content-type")).toBe("application/x-amz-json-1.1");
    expect(headers.get("x-amzn-requestid")).toMatch(/^[0-9a-f-]{36}$/);
    if (expected === OK) {
      expect([status, body]).toEqual([200, { Backups: [] }]);
    } else {
      expect([status, body.__type]).toEqual([400, expected]);
    }
  });

  it("an expired signature says how far it is off, in the service's words", async () => {
    const call = { datetime: "20200101T000000Z" };
    const { body } = await rawCall(edge, "DescribeBackups", {}, call);
    expect(body.Message).toMatch(
      /^Signature expired: 20200101T000000Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
    );
  });

  it("a body at the limit is read, and one byte more is refused unread", async () => {
    const limit = 256 * 1024;
    const padded = (length: number) => `{"Unknown":"${"x".repeat(length - 14)}"}`;
    const send = (text: string) => {
      const hash = createHash("sha256").update(text).digest("hex");
      return rawCall(edge, "DescribeBackups", text, { headers: { "x-amz-content-sha256": hash } });
    };
    expect((await send(padded(limit))).status).toBe(200);
    const { status, body } = await send(padded(limit + 1));
    expect([status, body.__type]).toEqual([413, "RequestEntityTooLargeException"]);
  });
});

describe("a signed request", () => {
  it.each([
    ["NoSuchOperation", "UnknownOperationException"],
    ["", "UnknownOperationException"],
    ["CopyBackupToRegion", "CloudHsmInvalidRequestException"],
    ["PutResourcePolicy", "CloudHsmInvalidRequestException"],
  ])("for '%s' is answered %s", async (operation, expected) => {
    const { status, body } = await rawCall(edge, operation, {});
    expect([status, body.__type]).toEqual([400, expected]);
  });

  it.each(["[]", "{", "null", '"text"', "\u0000"])(
    "with the body %j is not understood",
    async (text) => {
      const { status, body } = await rawCall(edge, "DescribeBackups", text);
      expect([status, body.__type]).toEqual([400, "SerializationException"]);
    },
  );
});
