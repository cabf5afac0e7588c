/**
 * The face of an HSM: every operation in one place, each done in the file that owns its rules.
 *
 * docs/HSM.md. Operations that wait for the platform are asynchronous; every change of state is one
 * synchronous transaction of the store. A refusal is an `HsmError`.
 */
import type { Core } from "../crypto/core.ts";
import type { Clock, RandomBytes, Subtle } from "../crypto/web-crypto.ts";
import type { AttemptStore } from "./access/attempts.ts";
import type { ConfigurationView } from "./access/configuration.ts";
import * as configuration from "./access/configuration.ts";
import type { HsmContext } from "./access/context.ts";
import * as loggingIn from "./access/login.ts";
import * as manufacturing from "./access/manufacture.ts";
import { DEFAULT_PASSWORD_COST, type PasswordCost } from "./access/passwords.ts";
import * as permissions from "./access/permissions.ts";
import type { PoliciesView } from "./access/policies.ts";
import * as policies from "./access/policies.ts";
import type { SessionStore } from "./access/session-store.ts";
import type { SessionToken } from "./access/sessions.ts";
import { type FairTurns, UNQUEUED } from "./access/turns.ts";
import type { UserView } from "./access/user-directory.ts";
import * as userImport from "./access/user-import.ts";
import * as users from "./access/users.ts";
import type { CertificateView } from "./certificates/directory.ts";
import * as certificates from "./certificates/directory.ts";
import * as keyDirectory from "./keys/directory.ts";
import * as encryption from "./keys/encryption.ts";
import * as keyExport from "./keys/export.ts";
import * as keyGeneration from "./keys/generation.ts";
import * as keyImport from "./keys/import.ts";
import * as signing from "./keys/signing.ts";
import type { KeyView } from "./keys/views.ts";
import * as keyWrapping from "./keys/wrapping.ts";
import type { HsmStore } from "./memory/store.ts";
import type { HsmType } from "./rules/limits.ts";

export interface HsmOptions {
  readonly store: HsmStore;
  readonly sessions: SessionStore;
  readonly attempts: AttemptStore;
  /** Open for as long as the HSM is used; the HSM does not close it. */
  readonly core: Core;
  readonly subtle: Subtle;
  readonly random: RandomBytes;
  readonly now: Clock;
  /** Work of one password guess; default 600,000 rounds. Tests pass less. */
  readonly passwordCost?: PasswordCost;
  /** Where work that holds the thread waits for its turn; default: nowhere. */
  readonly turns?: FairTurns;
  /** Whether records may be written now, for what is done only then; default: always. */
  readonly takesChanges?: () => boolean;
  /** The hardware's type, where a backup of another type may have been restored onto it. */
  readonly hardwareType?: HsmType;
}

export class Hsm {
  readonly #context: HsmContext;

  constructor(options: HsmOptions) {
    this.#context = {
      store: options.store,
      sessions: options.sessions,
      attempts: options.attempts,
      core: options.core,
      subtle: options.subtle,
      random: options.random,
      now: options.now,
      passwordCost: options.passwordCost ?? DEFAULT_PASSWORD_COST,
      turns: options.turns ?? UNQUEUED,
      takesChanges: options.takesChanges ?? (() => true),
      hardwareType: options.hardwareType ?? null,
    };
  }

  // The hardware and its service: no session.

  manufacture(order: manufacturing.Manufacture): Promise<void> {
    return manufacturing.manufacture(this.#context, order);
  }
  initialize(clusterCertificatePem: string, trustAnchorPem: string): ConfigurationView {
    return configuration.initialize(this.#context, clusterCertificatePem, trustAnchorPem);
  }
  getConfiguration(): ConfigurationView {
    return configuration.getConfiguration(this.#context);
  }
  getPolicies(): PoliciesView {
    return policies.getPolicies(this.#context);
  }
  /** Takes what was counted beside the users' records into them: before a backup is made. */
  mergeAttempts(): void {
    loggingIn.mergeAttempts(this.#context);
  }

  // Users.

  login(username: string, password: string): Promise<loggingIn.Login> {
    return loggingIn.login(this.#context, username, password);
  }
  logout(token: SessionToken): void {
    loggingIn.logout(this.#context, token);
  }
  whoAmI(token: SessionToken): UserView {
    return loggingIn.whoAmI(this.#context, token);
  }
  /** @throws HsmError as any operation that asks for this permission would. */
  admit(token: SessionToken, permission: permissions.Permission): void {
    permissions.authorize(this.#context, token, permission);
  }
  activate(token: SessionToken, password: string): Promise<UserView> {
    return users.activate(this.#context, token, password);
  }
  createUser(token: SessionToken, user: users.NewUser): Promise<UserView> {
    return users.createUser(this.#context, token, user);
  }
  importUsers(token: SessionToken, requests: readonly userImport.UserImport[]): UserView[] {
    return userImport.importUsers(this.#context, token, requests);
  }
  /** One's own, or anybody's by an admin, which also unlocks. */
  changePassword(token: SessionToken, username: string, password: string): Promise<UserView> {
    return users.changePassword(this.#context, token, username, password);
  }
  deleteUser(token: SessionToken, username: string): void {
    users.deleteUser(this.#context, token, username);
  }
  listUsers(token: SessionToken): UserView[] {
    return users.listUsers(this.#context, token);
  }
  setPolicies(token: SessionToken, change: policies.PoliciesChange): PoliciesView {
    return policies.setPolicies(this.#context, token, change);
  }

  // Keys.

  importKey(token: SessionToken, request: keyImport.KeyImport): Promise<KeyView> {
    return keyImport.importKey(this.#context, token, request);
  }
  importKeys(token: SessionToken, requests: readonly keyImport.KeyImport[]): Promise<number[]> {
    return keyImport.importKeys(this.#context, token, requests);
  }
  generateKey(token: SessionToken, order: keyGeneration.SecretKeyGeneration): Promise<KeyView> {
    return keyGeneration.generateKey(this.#context, token, order);
  }
  generateKeyPair(token: SessionToken, order: keyGeneration.KeyPairGeneration): Promise<KeyView> {
    return keyGeneration.generateKeyPair(this.#context, token, order);
  }
  listKeys(token: SessionToken, listing?: keyDirectory.KeyListing): keyDirectory.KeyPage {
    return keyDirectory.listKeys(this.#context, token, listing);
  }
  describeKey(token: SessionToken, handle: number): KeyView {
    return keyDirectory.describeKey(this.#context, token, handle);
  }
  setAttributes(
    token: SessionToken,
    handle: number,
    change: Parameters<typeof keyDirectory.setAttributes>[3],
  ): KeyView {
    return keyDirectory.setAttributes(this.#context, token, handle, change);
  }
  shareKey(token: SessionToken, handle: number, username: string): void {
    keyDirectory.shareKey(this.#context, token, handle, username);
  }
  unshareKey(token: SessionToken, handle: number, username: string): void {
    keyDirectory.unshareKey(this.#context, token, handle, username);
  }
  deleteKey(token: SessionToken, handle: number): void {
    keyDirectory.deleteKey(this.#context, token, handle);
  }
  exportKey(
    token: SessionToken,
    handle: number,
    format: keyExport.ExportFormat,
  ): Promise<keyExport.ExportedKey> {
    return keyExport.exportKey(this.#context, token, handle, format);
  }
  wrapKey(
    token: SessionToken,
    handle: number,
    wrappingHandle: number,
    mechanism: keyWrapping.WrapMechanism,
  ): Uint8Array {
    return keyWrapping.wrapKey(this.#context, token, handle, wrappingHandle, mechanism);
  }
  unwrapKey(
    token: SessionToken,
    unwrappingHandle: number,
    request: keyWrapping.Unwrapping,
  ): Promise<KeyView> {
    return keyWrapping.unwrapKey(this.#context, token, unwrappingHandle, request);
  }

  // Using keys.

  sign(
    token: SessionToken,
    handle: number,
    mechanism: signing.SignMechanism,
    data: Uint8Array,
  ): Promise<Uint8Array> {
    return signing.sign(this.#context, token, handle, mechanism, data);
  }
  verify(token: SessionToken, handle: number, request: signing.Verification): Promise<boolean> {
    return signing.verify(this.#context, token, handle, request);
  }
  encrypt(
    token: SessionToken,
    handle: number,
    request: encryption.Encryption,
  ): Promise<encryption.Encrypted> {
    return encryption.encrypt(this.#context, token, handle, request);
  }
  /** @returns fresh plaintext, the caller's to wipe. */
  decrypt(
    token: SessionToken,
    handle: number,
    request: encryption.Decryption,
  ): Promise<Uint8Array> {
    return encryption.decrypt(this.#context, token, handle, request);
  }
  digest(
    token: SessionToken,
    algorithm: signing.DigestAlgorithm,
    data: Uint8Array,
  ): Promise<Uint8Array> {
    return signing.digest(this.#context, token, algorithm, data);
  }

  // Certificates.

  importCertificates(token: SessionToken, pem: string): Promise<CertificateView[]> {
    return certificates.importCertificates(this.#context, token, pem);
  }
  listCertificates(token: SessionToken): CertificateView[] {
    return certificates.listCertificates(this.#context, token);
  }
  deleteCertificate(token: SessionToken, id: number): void {
    certificates.deleteCertificate(this.#context, token, id);
  }
}
