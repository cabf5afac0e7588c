/**
 * `npm run scan-secrets`: tells the story on an edge of its own and searches what it leaves behind.
 */
import { say } from "../terminal/progress.ts";
import { scanAfterStory } from "./story-scan.ts";

const { secrets, files, bytes, findings, canaries } = await scanAfterStory();
say();
say(`  ${secrets} secrets, ${files.length} files, ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
for (const { secret, form, file, offset } of findings) {
  say(`  FOUND ${secret} (${form}) in ${file} at ${offset}`);
}
say(`  found: ${findings.length}; canaries found: ${canaries.length}`);
process.exitCode = findings.length === 0 && canaries.length > 0 ? 0 : 1;
