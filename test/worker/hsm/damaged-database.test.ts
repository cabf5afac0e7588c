/**
 * An HSM's database whose pages are damaged, whichever they are: the HSM's memory is not as it was written,
 * and the HSM leaves service as if a row had been changed.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cloudHsm, describeCluster } from "../../lib/aws.ts";
import { startEdge } from "../../lib/mf.ts";
import { ok, rest, type ServingCluster, servingCluster } from "../../lib/rest.ts";

const PAGE_BYTES = 4096;
const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Leaf pages of indexes, and of tables that are kept as one (SQLite's file format, §1.6). */
const INDEX_LEAF = 0x0a;
/** No kind of page that SQLite knows. */
const NO_KIND = 0xff;

const LABEL = "a-label-of-a-key";

let persist: string;
let pages: Buffer;
let cluster: ServingCluster;
beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "holdfast-damaged-"));
  const edge = await startEdge({ persist });
  try {
    cluster = await servingCluster(edge);
    const order = { type: "aes", sizeBits: 256, label: LABEL, extractable: false };
    await ok(edge, "POST", `${cluster.path}/keys:generate`, order, { session: cluster.alice });
  } finally {
    await edge.stop();
  }
  pages = await checkpoint(await databaseIn(persist));
});
afterAll(() => rm(persist, { recursive: true, force: true }));

/** The only HSM's database. */
async function databaseIn(folder: string): Promise<string> {
  const hsms = join(folder, "do", "holdfast-Hsm");
  const [name = ""] = (await readdir(hsms)).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
  return join(hsms, name);
}

/** Takes what the write-ahead log holds into the file (SQLite's file format, §4), and removes the log. */
async function checkpoint(path: string): Promise<Buffer> {
  const [file, log] = [await readFile(path), await readFile(`${path}-wal`)];
  const held = new Map<number, Buffer>();
  const salts = log.subarray(16, 24);
  let committed: Buffer = file;
  const step = FRAME_HEADER_BYTES + PAGE_BYTES;
  for (let at = WAL_HEADER_BYTES; at + step <= log.length; at += step) {
    if (!log.subarray(at + 8, at + 16).equals(salts)) break; // Of an earlier round.
    held.set(log.readUInt32BE(at), log.subarray(at + FRAME_HEADER_BYTES, at + step));
    const pageCount = log.readUInt32BE(at + 4);
    if (pageCount === 0) continue; // Not the last of its transaction.
    const next = Buffer.alloc(pageCount * PAGE_BYTES);
    committed.copy(next);
    for (const [page, bytes] of held) bytes.copy(next, (page - 1) * PAGE_BYTES);
    committed = next;
  }
  await writeFile(path, committed);
  for (const end of ["-wal", "-shm"]) await rm(`${path}${end}`, { force: true });
  return committed;
}

/** What a search by label is answered with its database so, and the state that the HSM is in then. */
async function withDatabase(bytes: Buffer) {
  const copy = await mkdtemp(join(tmpdir(), "holdfast-damaged-"));
  try {
    await cp(persist, copy, { recursive: true });
    await writeFile(await databaseIn(copy), bytes);
    const edge = await startEdge({ persist: copy });
    try {
      const { path, alice } = cluster;
      const listed = await rest(edge, "GET", `${path}/keys?label=${LABEL}`, undefined, {
        session: alice,
      });
      const { Hsms = [] } = await describeCluster(await cloudHsm(edge), cluster.clusterId);
      const { State, StateMessage } = Hsms[0] ?? {};
      return [listed.body.error?.code ?? listed.status, State, StateMessage];
    } finally {
      await edge.stop();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function damagedAt(offset: number): Buffer {
  const bytes = Buffer.from(pages);
  bytes[offset] = NO_KIND;
  return bytes;
}

/** Offsets of pages. */
function indexLeaves(): number[] {
  const count = pages.length / PAGE_BYTES;
  const starts = Array.from({ length: count }, (_, page) => page * PAGE_BYTES);
  return starts.filter((start) => pages[start] === INDEX_LEAF);
}

it("that is not damaged serves", async () => {
  expect(await withDatabase(pages)).toEqual([200, "ACTIVE", "HSM created."]);
});

it("takes the HSM out of service, whichever page of a table or an index it is", async () => {
  const found = indexLeaves();
  expect(found.length).toBeGreaterThan(8);
  for (const start of found) {
    expect([start, ...(await withDatabase(damagedAt(start)))]).toEqual([
      start,
      "hsm_memory_changed",
      "DEGRADED",
      expect.stringMatching(/database is damaged\. DeleteHsm, then CreateHsm\./),
    ]);
  }
});
