import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { encodeDer } from "../../../src/crypto/der.ts";
import { encodePem } from "../../../src/crypto/pem.ts";
import {
  type ReadCertificate,
  readCertificate,
} from "../../../src/hsm/certificates/certificate-reader.ts";
import { shortenedName } from "../../../src/hsm/certificates/distinguished-name.ts";
import { HsmError } from "../../../src/hsm/rules/errors.ts";
import { activeHsm, faultOf } from "../../lib/hsm.ts";
import { CERTIFICATE_CASES, certificateCase } from "./cases.ts";
import { type DerNode, derBytes, derTree, everyNode } from "./der-tree.ts";

const LEAF = new X509Certificate(readFileSync(new URL("./leaf.pem", import.meta.url)));
const TREE = derTree(new Uint8Array(LEAF.raw));
const BODY = TREE.children![0]!;
const [VERSION, , , ISSUER, VALIDITY, SUBJECT, KEY] = BODY.children!;

/** The leaf with another value in the place of one of its own. */
function leafWith(place: DerNode | undefined, value: Uint8Array): Uint8Array {
  return derBytes(TREE, (node) => (node === place ? value : null));
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

describe("certificates as they are found", () => {
  it.each(CERTIFICATE_CASES)("$file", async ({ file, refused, subject }) => {
    const { hsm, alice } = await activeHsm();
    const take = () => hsm.importCertificates(alice, certificateCase(file));
    if (refused === null) {
      expect(await take()).toMatchObject([{ subject }]);
    } else {
      const fault = await faultOf(take);
      expect(fault.code).toBe("certificate_unreadable");
      expect(new HsmError(fault).message).toContain(refused);
      expect(hsm.listCertificates(alice)).toEqual([]);
    }
  });

  it("are read as Node reads them, the public roots", () => {
    const nodeText = (lines: string) => lines.split("\n").reverse().join(",");
    expect(rootCertificates.length).toBeGreaterThan(100);
    for (const pem of rootCertificates) {
      const node = new X509Certificate(pem);
      const read = readCertificate(new Uint8Array(node.raw));
      const publicKey = node.publicKey.export({ format: "der", type: "spki" });
      expect(read).toEqual({
        der: new Uint8Array(node.raw),
        subject: nodeText(node.subject),
        issuer: nodeText(node.issuer),
        serialNumber: BigInt(`0x${node.serialNumber}`)
          .toString(16)
          .padStart(read.serialNumber.length, "0"),
        notBeforeMs: Date.parse(node.validFrom),
        notAfterMs: Date.parse(node.validTo),
        publicKey: new Uint8Array(publicKey),
      } satisfies ReadCertificate);
    }
  });
});

describe("one certificate has one encoding", () => {
  const nodes = [...everyNode(TREE)];

  it("and is put together again from its values", () => {
    expect(nodes.length).toBeGreaterThan(40);
    expect(derBytes(TREE)).toEqual(new Uint8Array(LEAF.raw));
  });

  it.each<[string, (node: DerNode, contents: Uint8Array) => Uint8Array | null]>([
    [
      "a length longer than it need be",
      ({ tag }, contents) => {
        const { length } = contents;
        return Uint8Array.of(tag, 0x83, length >> 16, length >> 8, length, ...contents);
      },
    ],
    [
      "a length of four octets",
      ({ tag }, contents) => {
        const { length } = contents;
        return Uint8Array.of(tag, 0x84, 0, 0, length >> 8, length, ...contents);
      },
    ],
    [
      "an indefinite length",
      ({ tag, children }, contents) =>
        children === null ? null : Uint8Array.of(tag, 0x80, ...contents, 0, 0),
    ],
    [
      "its string in pieces",
      ({ tag, children }, contents) =>
        children === null ? encodeDer(tag | 0x20, encodeDer(tag, contents)) : null,
    ],
    [
      "a byte less",
      ({ tag, children }, contents) =>
        children === null || contents.length === 0
          ? null
          : encodeDer(tag, contents.subarray(0, -1)),
    ],
  ])("refuses each of its values with %s", (_, rewrite) => {
    for (const place of nodes) {
      const changed = derBytes(TREE, (node, contents) =>
        node === place ? rewrite(node, contents) : null,
      );
      if (Buffer.from(changed).equals(LEAF.raw)) continue;
      expect(() => readCertificate(changed)).toThrow();
    }
  });

  it.each<[string, DerNode | undefined]>([
    ["the certificate", TREE],
    ["its body", BODY],
    ["its version", VERSION],
    ["its validity", VALIDITY],
    ["an attribute of its subject", SUBJECT?.children?.[0]?.children?.[0]],
    ["its key", KEY],
    ["what holds its extensions", BODY.children?.at(-1)],
  ])("refuses a value behind the last of %s", (_, place) => {
    const changed = derBytes(TREE, (node, contents) =>
      node === place ? encodeDer(node.tag, contents, hex("0500")) : null,
    );
    expect(changed).toHaveLength(LEAF.raw.length + 2);
    expect(() => readCertificate(changed)).toThrow("it has trailing bytes");
  });

  it("refuses bytes behind it", () => {
    for (const behind of ["00", "0000", "0500"]) {
      const longer = Uint8Array.of(...LEAF.raw, ...hex(behind));
      expect(() => readCertificate(longer)).toThrow("it has trailing bytes");
    }
  });

  it("refuses every beginning of it", () => {
    for (let length = 0; length < LEAF.raw.length; length++) {
      expect(() => readCertificate(new Uint8Array(LEAF.raw.subarray(0, length)))).toThrow();
    }
  });
});

describe("dates", () => {
  const time = (tag: number, text: string) => encodeDer(tag, new TextEncoder().encode(text));
  const UTC = 0x17;
  const GENERALIZED = 0x18;
  const notAfter = VALIDITY?.children?.[1];

  it.each([
    [UTC, "700101000000Z", "1970-01-01T00:00:00.000Z"],
    [UTC, "491231235959Z", "2049-12-31T23:59:59.000Z"],
    [UTC, "000229120000Z", "2000-02-29T12:00:00.000Z"],
    [GENERALIZED, "20500101000000Z", "2050-01-01T00:00:00.000Z"],
    [GENERALIZED, "20360601000000Z", "2036-06-01T00:00:00.000Z"],
    [GENERALIZED, "99991231235959Z", "9999-12-31T23:59:59.000Z"],
  ])("reads %i %s", (tag, text, expected) => {
    const { notAfterMs } = readCertificate(leafWith(notAfter, time(tag, text)));
    expect(new Date(notAfterMs).toISOString()).toBe(expected);
  });

  it.each([
    [UTC, "500101000000Z", "its notAfter, 1950-01-01, lies before 1970"],
    [UTC, "691231235959Z", "its notAfter, 1969-12-31, lies before 1970"],
    [GENERALIZED, "00000101000000Z", "its notAfter, 0000-01-01, lies before 1970"],
    [UTC, "2606010000Z", "is not written as"],
    [UTC, "260601000000", "is not written as"],
    [UTC, "260601000000+0000", "is not written as"],
    [UTC, "20260601000000Z", "is not written as"],
    [UTC, " 60601000000Z", "is not written as"],
    [GENERALIZED, "20260601000000.5Z", "is not written as"],
    [GENERALIZED, "260601000000Z", "is not written as"],
    [0x13, "260601000000Z", "is not written as"],
    [UTC, "260230000000Z", "is no time of the calendar"],
    [UTC, "230229000000Z", "is no time of the calendar"],
    [UTC, "261301000000Z", "is no time of the calendar"],
    [UTC, "260001000000Z", "is no time of the calendar"],
    [UTC, "260601240000Z", "is no time of the calendar"],
    [UTC, "260601006000Z", "is no time of the calendar"],
    [UTC, "260601000060Z", "is no time of the calendar"],
  ])("refuses %i %s", (tag, text, why) => {
    expect(() => readCertificate(leafWith(notAfter, time(tag, text)))).toThrow(why);
  });
});

describe("names", () => {
  /** A Name of one relative name for each line, `type value` with `+` between, hexadecimal. */
  function name(...relative: string[]): Uint8Array {
    const sets = relative.map((line) => {
      const parts = line.split("+").map((part) => {
        const [type = "", value = ""] = part.split(" ");
        return encodeDer(0x30, encodeDer(0x06, hex(type)), hex(value));
      });
      return encodeDer(0x31, ...parts);
    });
    return encodeDer(0x30, ...sets);
  }
  const CN = "550403";
  const string = (text: string, tag = 0x0c) =>
    Buffer.from(encodeDer(tag, Buffer.from(text))).toString("hex");
  const subjectOf = (value: Uint8Array) => readCertificate(leafWith(SUBJECT, value)).subject;

  it("come last first, with the parts of one joined by +", () => {
    const value = name(
      `550406 ${string("DE", 0x13)}`,
      `55040a ${string("O")}`,
      `${CN} ${string("a")}+0992268993f22c640101 ${string("b")}`,
    );
    expect(subjectOf(value)).toBe("CN=a+UID=b,O=O,C=DE");
    expect(subjectOf(name())).toBe("");
    expect(readCertificate(leafWith(ISSUER, value)).issuer).toBe("CN=a+UID=b,O=O,C=DE");
  });

  it.each([
    ['James "Jim" Smith, III', 'James \\"Jim\\" Smith\\, III'],
    ["a+b;c<d>e\\f=g", "a\\+b\\;c\\<d\\>e\\\\f=g"],
    [" a ", "\\ a\\ "],
    [" ", "\\ "],
    ["#a#", "\\#a#"],
    ["a  b", "a  b"],
    ["Before\rAfter", "Before\\0DAfter"],
    ["a\u0000b\n\u007f", "a\\00b\\0A\\7F"],
    ["a\u202eb\u2066", "a\\E2\\80\\AEb\\E2\\81\\A6"],
    ["\ufeffa\u200b", "\\EF\\BB\\BFa\\E2\\80\\8B"],
    ["Lučić 😀", "Lučić 😀"],
    ["", ""],
  ])("write %j as %s", (text, expected) => {
    expect(subjectOf(name(`${CN} ${string(text)}`))).toBe(`CN=${expected}`);
  });

  it.each([
    ["Latin-1 in a TeletexString", "1404c4e96162", "CN=Äéab"],
    ["a BMPString", "1e04004100e9", "CN=Aé"],
    ["a UniversalString", "1c080000004100 01f600".replaceAll(" ", ""), "CN=A😀"],
    ["invalid UTF-8", "0c02c328", "CN=#0c02c328"],
    ["more than ASCII in a PrintableString", "1302c3a9", "CN=#1302c3a9"],
    ["half a character in a BMPString", "1e03004100", "CN=#1e03004100"],
    ["a surrogate in a BMPString", "1e02d800", "CN=#1e02d800"],
    ["what is no string", "020105", "CN=#020105"],
  ])("show %s", (_, value, expected) => {
    expect(subjectOf(name(`${CN} ${value}`))).toBe(expected);
  });

  it("show other types by number, with their encoding", () => {
    const value = name(`2a0304 ${string("x")}`, `88370a ${string("y")}`);
    expect(subjectOf(value)).toBe("2.999.10=#0c0179,1.2.3.4=#0c0178");
  });

  it.each([
    ["no set", "3003300100"],
    ["an empty set", "30023100"],
    ["a type alone", "3009310730050603550403"],
  ])("are refused with %s", (_, value) => {
    expect(() => readCertificate(leafWith(SUBJECT, hex(value)))).toThrow();
  });

  it("are cut behind a whole character or escape", async () => {
    const { hsm, alice } = await activeHsm();
    const bytes = (text: string) => new TextEncoder().encode(text).length;
    const der = leafWith(SUBJECT, name(`${CN} ${string("\u0000".repeat(2_000))}`));
    const [view] = await hsm.importCertificates(alice, encodePem("CERTIFICATE", der));
    expect(view?.subject).toMatch(/^CN=(\\00)+…$/);
    expect(bytes(view?.subject ?? "")).toBeGreaterThan(4_090);
    expect(shortenedName("CN=äöü", 9)).toBe("CN=äöü");
    expect(shortenedName("CN=äöü", 8)).toBe("CN=ä…");
    expect(shortenedName("CN=a\\,bcd", 8)).toBe("CN=a…");
    expect(shortenedName("CN=a\\,bcde", 9)).toBe("CN=a\\,…");
    expect(shortenedName("CN=😀😀", 10)).toBe("CN=😀…");
  });
});
