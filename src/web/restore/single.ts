/**
 * Entry of the single file: the worker is inside it, packed, for file:// pages load nothing beside
 * themselves.
 */
import { decodeBase64 } from "../../crypto/base-encodings.ts";
import packed from "../engine/engine.ts?packed";
import { mount } from "./mount.tsx";

/** Starts like any worker that cannot run: the page says so. */
const CANNOT_START = "throw new Error('this browser cannot unpack the worker')";

async function unpacked(): Promise<string> {
  const bytes = decodeBase64(packed);
  if (bytes === null) throw new Error("unreachable: the packed worker is not base64");
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return await new Response(inflated).text();
}

const script = await unpacked().catch(() => CANNOT_START);
const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));

mount(() => new Worker(url));
