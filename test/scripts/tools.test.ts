/**
 * Keys and certificates of a customer on machines that have the tools, have none, and have others.
 */
import "reflect-metadata";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import * as x509 from "@peculiar/x509";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { customerAuthority } from "../../scripts/customer/authority.ts";
import { ecKey, rsaKey } from "../../scripts/customer/tools.ts";

const PATH = process.env["PATH"] ?? "";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-tools-"));
});

afterEach(() => {
  process.env["PATH"] = PATH;
  rmSync(folder, { recursive: true });
});

function tool(name: string, script: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

async function request(): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const name = "CN=an HSM";
  const csr = { name, keys, signingAlgorithm: algorithm };
  return (await x509.Pkcs10CertificateRequestGenerator.create(csr)).toString("pem");
}

async function expectSound(): Promise<{ madeBy: string[] }> {
  const keys = [rsaKey(), ecKey()];
  expect(keys.map(({ pem }) => createPrivateKey(pem).asymmetricKeyType)).toEqual(["rsa", "ec"]);
  const authority = await customerAuthority();
  const certificate = new X509Certificate(await authority.sign(await request()));
  expect(certificate.verify(new X509Certificate(authority.pem).publicKey)).toBe(true);
  return { madeBy: [...keys, authority].map(({ madeBy }) => madeBy) };
}

const BY_NODE = { madeBy: ["Node", "Node", "@peculiar/x509"] };

describe("keys and certificates are made", () => {
  it("by Node where there are no tools", async () => {
    process.env["PATH"] = folder;
    expect(await expectSound()).toEqual(BY_NODE);
  });

  it("by Node where the tools fail", async () => {
    for (const name of ["openssl", "ssh-keygen"]) tool(name, "echo 'not this one' >&2; exit 1");
    process.env["PATH"] = folder;
    expect(await expectSound()).toEqual(BY_NODE);
  });

  it("by Node where the tools do nothing and say that all is well", async () => {
    for (const name of ["openssl", "ssh-keygen"]) tool(name, "exit 0");
    process.env["PATH"] = folder;
    expect(await expectSound()).toEqual(BY_NODE);
  });

  it("by Node where openssl makes keys and does not sign", async () => {
    tool("openssl", `case "$*" in *-set_serial*) exit 1;; esac; PATH='${PATH}' exec openssl "$@"`);
    process.env["PATH"] = [folder, PATH].join(delimiter);
    expect((await expectSound()).madeBy[2]).toBe("@peculiar/x509");
  });
});
