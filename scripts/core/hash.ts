/**
 * The SHA-256 of build/core.wasm, written beside it and compared with the committed one.
 *
 * The build is reproducible: equal sources give equal bytes on every machine. A difference
 * fails the build; `npm run build:wasm -- --accept` takes the new hash, to be committed.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);
const committed = new URL("assembly/core.wasm.sha256", root);

const bytes = readFileSync(new URL("build/core.wasm", root));
const line = `${createHash("sha256").update(bytes).digest("hex")}  core.wasm\n`;

const known = existsSync(committed) ? readFileSync(committed, "utf8") : null;
const isAccepted = process.argv.includes("--accept");
if (isAccepted || known === line) writeFileSync(new URL("build/core.wasm.sha256", root), line);
if (isAccepted) {
  writeFileSync(committed, line);
  console.log(`core.wasm, ${bytes.length} bytes: accepted ${line.slice(0, 64)}`);
} else if (known === line) {
  console.log(`core.wasm, ${bytes.length} bytes: ${line.slice(0, 64)}, as committed`);
} else {
  console.error(
    `core.wasm, ${bytes.length} bytes: ${line.slice(0, 64)}\n` +
      `  is NOT what assembly/core.wasm.sha256 says: ${known?.slice(0, 64) ?? "nothing"}.\n` +
      "  If you changed assembly/ on purpose: npm run build:wasm -- --accept, and commit it.\n" +
      "  If you did not: do not use this build.",
  );
  process.exitCode = 1;
}
