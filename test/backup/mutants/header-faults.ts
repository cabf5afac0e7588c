/**
 * Changes of a header beneath its MAC, of the key block before it, and of what both are made with:
 * FORMAT.md §3.3, §3.4, §5, §6.1.
 */
import { createHash } from "node:crypto";
import { ContainerKeys, wrapKeyBlock } from "../../../src/backup/container/key-block.ts";
import { activePbk, type Keyring } from "../../../src/backup/format/keys.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { Random } from "../../lib/random.ts";
import { ORIGIN, testRing } from "../fixtures.ts";
import { type Forged, join } from "../vectors/forge.ts";
import { KEY_BLOCK_BYTES } from "../vectors/maker.ts";
import { bent, bentInPlace, bentList } from "./bent-bytes.ts";
import type { Fault, Faults } from "./faults.ts";
import { cborHead, oddValue } from "./odd-cbor.ts";

const TEXTS = ["", "a", "ü".repeat(64), "x".repeat(128), "x".repeat(129), "\ufeffbackup"];
const CHUNK_BYTES = [
  0, 256, 496, 511, 512, 513, 520, 528, 544, 4096, 16_384, 16_400, 4_294_967_296,
];
const PAYLOAD_BYTES = [0, 63, 64, 65, 2000, 2 ** 31, 2 ** 31 + 1, 2 ** 32, 2 ** 53 - 1];

/** Values of a field of the header at the ends of what it may be, and odd ones. */
function headerValue(random: Random, key: number): unknown {
  if (random.chance(25)) return oddValue(random);
  switch (key) {
    case 5:
      return random.pick(["FIPS", "NON_FIPS", "fips", "FIPS "]);
    case 8:
      return random.pick([0, 2 ** 53 - 1, 2n ** 53n, -1, 1.5]);
    case 9:
      return random.pick([0, 1, 2, 2 ** 53 - 1, 2n ** 53n, -1]);
    case 10:
      return random.bytes(random.pick([0, 1, 31, 32, 33]));
    case 11: {
      const known = ["AES-256-KWP", "HMAC-SHA-256", "SHA-256"];
      return bentList(random, known, (name) => random.pick([`${name}-2`, "", name.toLowerCase()]));
    }
    case 12:
      return random.pick(CHUNK_BYTES);
    case 13:
      return random.pick(PAYLOAD_BYTES);
    default:
      return random.pick(TEXTS);
  }
}

const headerField: Fault = ({ changes }, random) => {
  const key = 1 + random.below(13);
  changes.header.push((map) => map.set(key, headerValue(random, key)));
};

const headerKeys: Fault = ({ changes }, random) => {
  changes.header.push((map) => {
    if (random.chance(60)) map.delete(1 + random.below(13));
    if (random.chance(60)) map.set(random.pick([0, 14, 255, 2 ** 32]), oddValue(random));
  });
};

/** Other lengths than the frames have. */
const headerClaims: Fault = ({ changes }, random) => {
  changes.header.push((map) => {
    const step = random.pick([-528, -16, -8, -1, 1, 7, 8, 16, 512, 528]);
    if (random.chance(70)) map.set(13, Math.max(0, Number(map.get(13)) + step));
    else map.set(12, random.pick([512, 528, 1024, 2048, 16_384]));
  });
};

const headerBytes: Fault = ({ changes }, random) => {
  changes.headerBytes.push((bytes) =>
    random.chance(75) ? bent(random, bytes) : longerHead(random, bytes),
  );
};

/** The head of the map, or of its first text, in a form that is not the shortest. */
export function longerHead(random: Random, bytes: Uint8Array): Uint8Array {
  const size = (bytes[0] ?? 0) & 0x1f;
  const head = cborHead(5, size, 1 + random.below(4));
  return random.chance(70)
    ? join(head, bytes.subarray(1))
    : join(bytes.subarray(0, 1), cborHead(0, 1, 1), bytes.subarray(2));
}

const manufacturer: Fault = ({ changes }, random) => {
  changes.header.push((map) => map.set(6, random.pick(["Another Works", "golden works", "G"])));
};

const anyBytes: Fault = ({ changes }, random) => {
  changes.bare.push((bytes) => bentInPlace(random, bytes));
};

/** Where the fields of the key block begin, and those of the prologue behind it. */
const FIELDS_AT = [8, 10, 12, 16, 36, 56, 72, 176, 184, 186, 188, 192];

const clearFields: Fault = ({ changes }, random) => {
  const field = random.below(FIELDS_AT.length - 1);
  const [from, to] = [FIELDS_AT[field], FIELDS_AT[field + 1]];
  changes.bare.push((bytes) => bentInPlace(random, bytes, from, to));
};

/** A version or suite. */
const versions: Fault = ({ changes }, random) => {
  const at = random.pick([8, 10, 184]);
  const value = random.pick([0, 2, 255]);
  changes.bare.push((bytes) =>
    join(bytes.subarray(0, at), Uint8Array.of(0, value), bytes.subarray(at + 2)),
  );
};

const macs: Fault = ({ changes }, random) => {
  changes.bare.push((bytes, { front }) => {
    const headerMac = KEY_BLOCK_BYTES + front.length;
    const at = random.chance(60) ? bytes.length - 32 : headerMac;
    return bentInPlace(random, bytes, at, at + 32);
  });
};

/** The right PBK around other keys, or the digest of another header. */
const wrappedKeys: Fault = ({ changes, core, ring }, random) => {
  changes.bare.push((bytes, { ebk, macKey, front }: Forged) => {
    const which = random.below(3);
    const otherOr = (key: Uint8Array, place: number) =>
      SecretKey.copyOf(which === place ? random.bytes(32) : key);
    using keys = new ContainerKeys(otherOr(ebk, 0), otherOr(macKey, 1));
    using pbk = activePbk(core, ring);
    const digest = createHash("sha256").update(front).digest();
    const said = which === 2 ? random.bytes(32) : digest;
    return join(wrapKeyBlock(core, pbk, keys, said), bytes.subarray(KEY_BLOCK_BYTES));
  });
};

/** Made under another ring: an older version, one that nobody has, another manufacturer's. */
const madeUnder: Fault = (plan, random) => {
  const ring = testRing();
  const which = random.pick(["mkbk", "akbk"] as const);
  const older = ring[which].flatMap((one) =>
    one.version === 1 ? [{ ...one, state: "active" as const }] : [],
  );
  const key = new SecretKey(random.bytes(32));
  const foreign = [{ id: random.bytes(16), version: 1, state: "active" as const, key }];
  plan.ring = random.pick<() => Keyring>([
    () => ({ ...ring, [which]: older }),
    () => ({ ...ring, [which]: foreign }),
    () => ({ ...ring, mkbk: foreign, manufacturer: "Another Works" }),
  ])();
};

const origin: Fault = (plan, random) => {
  plan.origin = {
    ...plan.origin,
    backupId: random.pick([ORIGIN.backupId, "backup-other"]),
    clusterId: random.pick([ORIGIN.clusterId, "cluster-other"]),
    chainNumber: random.pick([1, 2, 3, 2 ** 53 - 1]),
  };
};

export const HEADER_FAULTS: Faults = [
  [6, "field of the header", headerField],
  [2, "keys of the header", headerKeys],
  [4, "lengths that the header says", headerClaims],
  [3, "bytes of the header", headerBytes],
  [2, "manufacturer", manufacturer],
  [3, "bytes of key block and container", anyBytes],
  [6, "clear fields of key block and prologue", clearFields],
  [3, "versions", versions],
  [3, "MACs", macs],
  [3, "wrapped keys", wrappedKeys],
  [3, "ring that made it", madeUnder],
  [2, "origin", origin],
];
