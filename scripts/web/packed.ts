/**
 * The worker of the single file, built as one script and packed: unpacked it is half of the file.
 */
import { deflateRawSync } from "node:zlib";
import { build, type Plugin } from "vite";

const SUFFIX = "?packed";

/** Gives `import … from "FILE?packed"` what src/web/restore/packed.d.ts says. */
export function packed(): Plugin {
  return {
    name: "packed",
    enforce: "pre",
    async resolveId(id, importer) {
      if (!id.endsWith(SUFFIX)) return null;
      const file = await this.resolve(id.slice(0, -SUFFIX.length), importer);
      return file === null ? null : `\0${file.id}${SUFFIX}`;
    },
    async load(id) {
      if (!id.startsWith("\0") || !id.endsWith(SUFFIX)) return null;
      const script = await builtScript(id.slice(1, -SUFFIX.length));
      const text = deflateRawSync(script, { level: 9 }).toString("base64");
      return `export default ${JSON.stringify(text)};`;
    },
  };
}

async function builtScript(input: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        input,
        // A module worker from a blob: URL does not start on a file:// page.
        output: { format: "iife", codeSplitting: false },
      },
    },
  });
  const outputs = [built].flat().flatMap((one) => ("output" in one ? one.output : []));
  const [script, ...others] = outputs;
  if (script?.type !== "chunk" || others.length > 0) throw new Error(`${input}: not one script`);
  return script.code;
}
