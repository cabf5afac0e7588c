/** The key hierarchy: how the PBK is derived and from which keys. FORMAT.md §5.2. */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { BackupError } from "../../../src/backup/format/errors.ts";
import {
  activePbk,
  derivePbk,
  type Keyring,
  type KeyVersion,
} from "../../../src/backup/format/keys.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import { hex, keyVersion } from "../fixtures.ts";
import { join, u32 } from "../vectors/forge.ts";

const core: Core = await loadCore();

/** SP 800-108r1 §4.1 with Node's HMAC, one block: 256 bits or fewer. */
function nodeKdf(key: Uint8Array, label: string, context: Uint8Array, bits: number): Uint8Array {
  const fixed = [Buffer.from(label), Buffer.alloc(1), context, u32(bits)];
  const mac = createHmac("sha256", key)
    .update(join(u32(1), ...fixed))
    .digest();
  return mac.subarray(0, bits / 8);
}

describe("the PBK", () => {
  it("is what Node's HMAC derives by FORMAT.md §5.2", () => {
    const mkbk = keyVersion(7, "active", "mkbk");
    const akbk = keyVersion(9, "active", "akbk");
    const bytes = (key: KeyVersion) => key.key!.use((held) => held.slice());
    const ids = join(Uint8Array.of(0, 1), mkbk.id, u32(7), akbk.id, u32(9));
    const c = nodeKdf(bytes(mkbk), "holdfast/v1/mkbk-component", ids, 256);
    const kdk = createHmac("sha256", c)
      .update(join(bytes(akbk), ids))
      .digest();
    const context = join(Uint8Array.of(0, 1, 0, 1, 1, 0), ids);
    using pbk = activePbk(core, { manufacturer: "m", mkbk: [mkbk], akbk: [akbk] });
    expect(hex(pbk.key.use((held) => held.slice()))).toBe(
      hex(nodeKdf(kdk, "holdfast/v1/pbk", context, 256)),
    );
    expect(hex(pbk.id)).toBe(hex(nodeKdf(kdk, "holdfast/v1/pbk-id", ids, 128)));
  });

  it("changes with each key, id and version", () => {
    const mkbk = { ...keyVersion(1, "active", "mkbk"), key: new SecretKey(new Uint8Array(32)) };
    const akbk = { ...keyVersion(1, "active", "akbk"), key: new SecretKey(new Uint8Array(32)) };
    const other = {
      id: new Uint8Array(16),
      version: 2,
      key: new SecretKey(new Uint8Array(32).fill(1)),
    };
    const ids = new Set<string>();
    const keys = new Set<string>();
    const changes = [{}, { id: other.id }, { version: other.version }, { key: other.key }];
    for (const change of changes) {
      for (const pair of [
        { mkbk: { ...mkbk, ...change }, akbk },
        { mkbk, akbk: { ...akbk, ...change } },
      ]) {
        using pbk = derivePbk(core, pair.mkbk, pair.akbk);
        ids.add(hex(pbk.id));
        keys.add(hex(pbk.key.use((held) => held.slice())));
      }
    }
    expect(ids.size).toBe(7);
    expect(keys.size).toBe(7);
  });

  it("comes from the active key with the highest number, and from none that is not active", () => {
    const mkbk = [keyVersion(1, "active"), keyVersion(3, "active"), keyVersion(9, "retired")];
    const akbk = [keyVersion(1, "active", "akbk")];
    using pbk = activePbk(core, { manufacturer: "m", mkbk, akbk });
    expect(pbk.ids.mkbkVersion).toBe(3);
  });

  it.each(["mkbk", "akbk"] as const)("comes from none where no %s is active", (which) => {
    const ring = { mkbk: [keyVersion(1, "active")], akbk: [keyVersion(1, "active", "akbk")] };
    const retired = [keyVersion(1, "retired", which), keyVersion(2, "retired", which)];
    const none: Keyring = { manufacturer: "m", ...ring, [which]: retired };
    expect(() => activePbk(core, none)).toThrow(new BackupError({ code: "key_inactive", which }));
  });
});
