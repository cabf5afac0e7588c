/**
 * The worker that bench/core-edge.ts runs in workerd: key wrap by the core and by WebCrypto.
 *
 * `GET /?work=…&bytes=…&runs=…` does the work so many times and answers with a digest of the result.
 * The clock is outside: here it may stand still.
 */

import { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";
// @ts-expect-error -- workerd gives the compiled module; only this bench bundles it so.
import coreModule from "./core.wasm";

const key = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 3);
const core = new Core(coreModule as WebAssembly.Module);
const kek = core.kek(SecretKey.copyOf(key));
const hmac = { name: "HMAC", hash: "SHA-256" } as const;

/** AES-KW of any bytes by WebCrypto: it wraps keys alone, so the bytes travel as an HMAC key. */
async function webCryptoWrap(plain: Uint8Array<ArrayBuffer>, runs: number): Promise<Uint8Array> {
  const { subtle } = crypto;
  const wrapping = await subtle.importKey("raw", key, "AES-KW", false, ["wrapKey"]);
  const payload = await subtle.importKey("raw", plain, hmac, true, ["sign"]);
  let wrapped = new ArrayBuffer(0);
  for (let i = 0; i < runs; i++) wrapped = await subtle.wrapKey("raw", payload, wrapping, "AES-KW");
  return new Uint8Array(wrapped);
}

export default {
  async fetch(request: Request): Promise<Response> {
    const query = new URL(request.url).searchParams;
    const bytes = Number(query.get("bytes"));
    const runs = Number(query.get("runs"));
    const plain = new Uint8Array(bytes).map((_, i) => i >> 3);
    let out: Uint8Array = new Uint8Array(0);
    switch (query.get("work")) {
      case "core":
        for (let i = 0; i < runs; i++) out = kek.kwWrap(plain);
        break;
      case "lanes": // the same bytes in 32 chunks
        for (let i = 0; i < runs; i++) out = kek.kwpWrapChunks(plain, bytes / 32);
        break;
      case "webcrypto":
        out = await webCryptoWrap(plain, runs);
        break;
      default:
        return new Response("no such work", { status: 400 });
    }
    return new Response(Array.from(core.sha256(out)).join());
  },
};
