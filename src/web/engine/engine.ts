/**
 * Entry of the worker, and what it does for the page: reads the kit, verifies
 * and restores a backup, works as an HSM.
 *
 * FORMAT.md §3.5; KIT.md. Here and nowhere else in the client are keys: the kit's and the HSM's.
 * They are wiped when another kit or backup comes, and by `forget`.
 */
import "./dispose.ts";
import { type BackupFile, fileKind } from "../../backup/file.ts";
import { newerCheckpoint } from "../../backup/format/checkpoints.ts";
import { BackupError } from "../../backup/format/errors.ts";
import { MAGIC_BYTES } from "../../backup/format/layout.ts";
import { isChallenge, MAX_CHALLENGE_BYTES, parseChallenge } from "../../backup/kit/challenge.ts";
import { KitError } from "../../backup/kit/errors.ts";
import { MAX_KIT_BYTES, parseKit, type RecoveryKit } from "../../backup/kit/kit.ts";
import { locationTexts } from "../../backup/seal/location.ts";
import { answerChallenge } from "../../backup/seal/recovery-challenge.ts";
import { restoreFile, type VerifiedBackup } from "../../backup/verify.ts";
import { encodeHex } from "../../crypto/base-encodings.ts";
import { Core } from "../../crypto/core.ts";
import { MemoryStore } from "../../hsm/memory/memory-store.ts";
import { restoreRecord } from "../../hsm/memory/snapshot.ts";
import { shownText } from "../../hsm/rules/plain-text.ts";
import { type Service, serve } from "./calls.ts";
import { CheckReports } from "./check-reports.ts";
import { RefusalError, refusalOf } from "./refusals.ts";
import { RestoredHsm } from "./restored-hsm.ts";
import type {
  CheckReport,
  ChosenKind,
  ExportedFile,
  ExportForm,
  FileKind,
  OpenedBackup,
  ShownBackup,
  ShownContents,
  ShownKit,
  ShownSession,
} from "./shown.ts";

class RestoreService implements Service {
  readonly #core: Core;
  readonly #report: (report: CheckReport) => void;
  #kit: RecoveryKit | null = null;
  #hsm: RestoredHsm | null = null;

  constructor(module: WebAssembly.Module, report: (report: CheckReport) => void) {
    this.#core = new Core(module);
    this.#report = report;
  }

  async identify(file: File): Promise<ChosenKind | null> {
    if (file.size <= MAX_CHALLENGE_BYTES && isChallenge(await file.text())) return "challenge";
    const front = new Uint8Array(await file.slice(0, MAGIC_BYTES).arrayBuffer());
    try {
      return fileKind(front);
    } catch (error) {
      if (error instanceof BackupError) return null;
      throw error;
    }
  }

  async readKit(given: File | string): Promise<ShownKit> {
    this.#kit?.[Symbol.dispose]();
    this.#kit = null;
    const kit = parseKit(typeof given === "string" ? given : await kitText(given));
    this.#kit = kit;
    return {
      operator: shownText(kit.operator),
      manufacturer: shownText(kit.ring.manufacturer),
      createdAt: kit.createdAt,
      recoveryKeyIds: kit.recoveryKeys.map(({ id }) => id),
      mkbkCount: kit.ring.mkbk.length,
      akbkCount: kit.ring.akbk.length,
    };
  }

  async answer(challenge: File): Promise<string> {
    const kit = this.#kit;
    if (kit === null) throw noKit();
    const platform = { core: this.#core, subtle: crypto.subtle };
    return await answerChallenge(
      platform,
      kit.recoveryKeys,
      parseChallenge(await challenge.text()),
    );
  }

  async open(file: File, kind: FileKind): Promise<OpenedBackup> {
    const kit = this.#kit;
    if (kit === null) throw noKit();
    this.#close();
    const checks = new CheckReports(kind, this.#report);
    const store = new MemoryStore();
    try {
      const backup = await this.#restore(kit, file, store, checks);
      this.#hsm = new RestoredHsm(store, this.#core);
      checks.held("memory");
      return { facts: factsOf(file, backup, kit), contents: this.contents() };
    } catch (error) {
      store[Symbol.dispose]();
      checks.failed(error);
      throw error;
    }
  }

  contents(): ShownContents {
    return this.#opened().contents();
  }

  login(name: string, password: string): Promise<ShownSession> {
    return this.#opened().login(name, password);
  }

  logout(): null {
    this.#hsm?.logout();
    return null;
  }

  sign(handle: number, mechanism: string, data: Blob): Promise<Uint8Array> {
    return this.#opened().sign(handle, mechanism, data);
  }

  verify(handle: number, mechanism: string, data: Blob, signature: Uint8Array): Promise<boolean> {
    return this.#opened().verify(handle, mechanism, data, signature);
  }

  encrypt(handle: number, mechanism: string, data: Blob): Promise<Uint8Array> {
    return this.#opened().encrypt(handle, mechanism, data);
  }

  decrypt(handle: number, mechanism: string, data: Blob): Promise<Uint8Array> {
    return this.#opened().decrypt(handle, mechanism, data);
  }

  exportKey(handle: number, form: ExportForm): Promise<ExportedFile> {
    return this.#opened().exportKey(handle, form);
  }

  forget(): null {
    this.#close();
    this.#kit?.[Symbol.dispose]();
    this.#kit = null;
    this.#core.wipe();
    return null;
  }

  /** Verifies all of `file`, then reads it again into `store`, which nobody else knows yet. */
  #restore(
    kit: RecoveryKit,
    file: File,
    store: MemoryStore,
    checks: CheckReports,
  ): Promise<VerifiedBackup> {
    const staging = {
      put: (record: Parameters<typeof restoreRecord>[1]) =>
        store.transaction(() => restoreRecord(store, record)),
      commit: () => undefined, // The caller gives the store to an HSM only after this returns.
      discard: () => store[Symbol.dispose](),
    };
    const platform = { core: this.#core, subtle: crypto.subtle };
    const openers = { kms: null, recoveryKeys: kit.recoveryKeys };
    const expected = { checkpoints: kit.checkpoints };
    const options = { expected, onStep: checks.step.bind(checks) };
    return restoreFile(platform, kit.ring, openers, fileOf(file, checks), staging, options);
  }

  #opened(): RestoredHsm {
    if (this.#hsm === null) throw new Error("unreachable: no backup is open");
    return this.#hsm;
  }

  #close(): void {
    this.#hsm?.[Symbol.dispose]();
    this.#hsm = null;
  }
}

/** A chosen file as the engine reads it: in slices, never as a whole. */
function fileOf(file: File, checks: CheckReports): BackupFile {
  return {
    byteLength: file.size,
    read: async (offset, length) => {
      checks.readAgain(length, file.size);
      return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
    },
  };
}

/** The text of a kit. A file that is too large to be one is not read at all. */
async function kitText(file: File): Promise<string> {
  if (file.size > MAX_KIT_BYTES) {
    throw new KitError({ code: "kit_too_large", maxBytes: MAX_KIT_BYTES });
  }
  return await file.text();
}

function noKit(): RefusalError {
  return new RefusalError({
    code: "kit_absent",
    title: "There is no recovery kit",
    message: "The tool has forgotten the kit. Choose it again.",
  });
}

function factsOf(file: File, backup: VerifiedBackup, kit: RecoveryKit): ShownBackup {
  const { header, location } = backup;
  return {
    fileName: shownText(file.name),
    fileBytes: file.size,
    sealed: location !== null,
    backupId: shownText(header.backupId),
    clusterId: shownText(header.clusterId),
    lineageId: shownText(header.lineageId),
    hsmType: header.hsmType,
    mode: header.mode,
    manufacturer: shownText(header.manufacturer),
    region: shownText(header.region),
    createdAtMs: header.createdAtMs,
    chainNumber: header.chainNumber,
    previousDigest: encodeHex(header.previousDigest),
    containerDigest: encodeHex(backup.containerDigest),
    stateDigest: encodeHex(backup.stateDigest),
    newerKnown: newerCheckpoint(kit.checkpoints, header),
    heldAt: location === null ? null : shownText(locationTexts(location).join(" / ")),
  };
}

declare const self: Parameters<typeof serve>[0];

serve(self, (module, report) => new RestoreService(module, report), refusalOf);
