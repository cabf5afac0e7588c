/**
 * The page's HSM: the same rules as any other, over a memory that a verified backup filled.
 *
 * docs/HSM.md. Takes the operations it offers one by one instead of the whole `Hsm`, so that what
 * makes, imports and changes keys stays out of a page that shows them. Key material leaves through `exportKey` only.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import type { Core } from "../../crypto/core.ts";
import { MemoryAttemptStore } from "../../hsm/access/attempts.ts";
import type { HsmContext } from "../../hsm/access/context.ts";
import { login, logout, mergeAttempts } from "../../hsm/access/login.ts";
import { DEFAULT_PASSWORD_COST } from "../../hsm/access/passwords.ts";
import { MemorySessionStore } from "../../hsm/access/session-store.ts";
import type { SessionToken } from "../../hsm/access/sessions.ts";
import { UNQUEUED } from "../../hsm/access/turns.ts";
import { allUsers } from "../../hsm/access/user-directory.ts";
import { CIPHER_MECHANISMS, decrypt, type Encrypted, encrypt } from "../../hsm/keys/encryption.ts";
import { type ExportedKey, exportKey } from "../../hsm/keys/export.ts";
import { SIGN_MECHANISMS, sign, verify } from "../../hsm/keys/signing.ts";
import type { MemoryStore } from "../../hsm/memory/memory-store.ts";
import { HsmError } from "../../hsm/rules/errors.ts";
import { shownText } from "../../hsm/rules/plain-text.ts";
import { readContents } from "./contents.ts";
import type { ExportedFile, ExportForm, ShownContents, ShownSession } from "./shown.ts";

/** IV that stands before a ciphertext, bytes; the rest of the mechanisms have none. */
const IV_BYTES: Readonly<Record<string, number>> = { "aes-gcm": 12, "aes-cbc": 16, "aes-ctr": 16 };

const HSM_FORMAT = { pem: "pem", jwk: "jwk", hex: "raw" } as const;

export class RestoredHsm implements Disposable {
  readonly #store: MemoryStore;
  readonly #context: HsmContext;
  #token: SessionToken | null = null;

  /** @param store - taken over: wiped on disposal. @param core - borrowed. */
  constructor(store: MemoryStore, core: Core) {
    this.#store = store;
    this.#context = {
      store,
      core,
      sessions: new MemorySessionStore(),
      attempts: new MemoryAttemptStore(),
      subtle: crypto.subtle,
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      now: () => Date.now(),
      passwordCost: DEFAULT_PASSWORD_COST,
      turns: UNQUEUED,
      takesChanges: () => true,
      hardwareType: null,
    };
  }

  contents(): ShownContents {
    return readContents(this.#store);
  }

  /** @param name - as it is shown. */
  async login(name: string, password: string): Promise<ShownSession> {
    this.logout();
    try {
      const { token, user } = await login(this.#context, this.#usernameOf(name), password);
      this.#token = token;
      return { userName: shownText(user.username), role: user.role };
    } finally {
      mergeAttempts(this.#context); // The contents that the page shows are the records.
    }
  }

  logout(): void {
    if (this.#token !== null) logout(this.#context, this.#token);
    this.#token = null;
  }

  async sign(handle: number, mechanism: string, data: Blob): Promise<Uint8Array> {
    const name = known(mechanism, SIGN_MECHANISMS);
    return await sign(this.#context, this.#session(), handle, name, await bytesOf(data));
  }

  async verify(
    handle: number,
    mechanism: string,
    data: Blob,
    signature: Uint8Array,
  ): Promise<boolean> {
    const name = known(mechanism, SIGN_MECHANISMS);
    const request = { mechanism: name, data: await bytesOf(data), signature };
    return await verify(this.#context, this.#session(), handle, request);
  }

  /** @returns the IV, where the mechanism has one, and the ciphertext behind it. */
  async encrypt(handle: number, mechanism: string, data: Blob): Promise<Uint8Array> {
    const name = known(mechanism, CIPHER_MECHANISMS);
    const request = { mechanism: name, data: await bytesOf(data) };
    return joined(await encrypt(this.#context, this.#session(), handle, request));
  }

  /** @param data - as `encrypt` returns it. */
  async decrypt(handle: number, mechanism: string, data: Blob): Promise<Uint8Array> {
    const name = known(mechanism, CIPHER_MECHANISMS);
    const bytes = await bytesOf(data);
    const ivBytes = IV_BYTES[name] ?? 0;
    const iv = ivBytes === 0 ? null : bytes.subarray(0, ivBytes);
    const request = { mechanism: name, iv, ciphertext: bytes.subarray(ivBytes) };
    return await decrypt(this.#context, this.#session(), handle, request);
  }

  async exportKey(handle: number, form: ExportForm): Promise<ExportedFile> {
    const exported = await exportKey(this.#context, this.#session(), handle, HSM_FORMAT[form]);
    return { fileName: `key-${handle}.${form}`, text: textOf(exported) };
  }

  [Symbol.dispose](): void {
    this.logout();
    this.#store[Symbol.dispose]();
  }

  /** The name in the record, where it holds what is shown otherwise. */
  #usernameOf(name: string): string {
    for (const { user } of allUsers(this.#store)) {
      if (user.username !== name && shownText(user.username) === name) return user.username;
    }
    return name;
  }

  #session(): SessionToken {
    if (this.#token === null) throw new HsmError({ code: "session_invalid" });
    return this.#token;
  }
}

async function bytesOf(data: Blob): Promise<Uint8Array> {
  return new Uint8Array(await data.arrayBuffer());
}

function joined({ iv, ciphertext }: Encrypted): Uint8Array {
  if (iv === null) return ciphertext;
  const bytes = new Uint8Array(iv.length + ciphertext.length);
  bytes.set(iv);
  bytes.set(ciphertext, iv.length);
  return bytes;
}

function textOf(exported: ExportedKey): string {
  if (exported.format === "pem") return exported.pem;
  if (exported.format === "jwk") return `${JSON.stringify(exported.jwk, null, 2)}\n`;
  using key = exported.key;
  return `${key.use(encodeHex)}\n`;
}

/**
 * Forms offer the HSM's own names; any other is the page's mistake, and answered as the HSM would.
 */
function known<T extends string>(mechanism: string, names: readonly T[]): T {
  const found = names.find((name) => name === mechanism);
  if (found !== undefined) return found;
  throw new HsmError({ code: "mechanism_unsupported", mechanism, why: "it is unknown" });
}
