/**
 * A script of bench/ and all it imports as one text, by the build tool of the product.
 */
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** @param entry - a file beside this one. @param external - imports that stay. */
export async function bundle(entry: string, external: readonly string[] = []): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      target: "es2022",
      lib: {
        entry: fileURLToPath(new URL(entry, import.meta.url)),
        formats: ["es"],
        fileName: "bundle",
      },
      rolldownOptions: { external: [...external] },
    },
  });
  const [output] = Array.isArray(built) ? built : [built];
  const chunk = output && "output" in output ? output.output[0] : undefined;
  if (chunk === undefined) throw new Error("unreachable: vite built nothing");
  return chunk.code;
}
