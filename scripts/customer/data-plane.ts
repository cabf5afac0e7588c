/**
 * The REST surface of one cluster, as typed calls: what the AWS wire lacks.
 *
 * Spec: docs/API.md. Only the routes that the story, the crash tests and the benchmarks use.
 */
import { eventually } from "./control-plane.ts";
import { type RestAccess, RestClient } from "./rest-client.ts";

export interface BackupRow {
  readonly backupId: string;
  readonly state: "CREATE_IN_PROGRESS" | "READY" | "PENDING_DELETION" | "DELETED";
  readonly trigger: string;
  readonly failure: string | null;
  readonly restorableOffline: "no" | "unproven" | "yes";
  readonly containerDigest: string;
  readonly stateDigest: string;
  readonly bodyBytes: number;
  readonly chainNumber: number;
  readonly previousDigest: string;
}

export interface KeyRow {
  readonly handle: number;
  readonly label: string;
}

/** How a key is handed over. */
export type KeyMaterial =
  | { readonly format: "pem"; readonly pem: string }
  | { readonly format: "jwk"; readonly jwk: object }
  | { readonly format: "raw"; readonly type: "aes" | "generic-secret"; readonly raw: string };

/** What a key does is false unless asked for. */
export interface KeyAttributes {
  readonly label: string;
  readonly extractable: boolean;
  readonly sign?: boolean;
  readonly verify?: boolean;
  readonly encrypt?: boolean;
  readonly decrypt?: boolean;
}

/** The service towards a caller with an access key and no HSM user. */
export class DataPlane {
  readonly rest: RestClient;
  readonly clusterId: string;

  constructor(access: RestAccess, clusterId: string) {
    this.rest = new RestClient(access);
    this.clusterId = clusterId;
  }

  get #cluster(): string {
    return `/v1/clusters/${this.clusterId}`;
  }

  /** The PRECO user sets its password, becomes CO, and the cluster goes ACTIVE. */
  async activate(password: string, newPassword: string): Promise<void> {
    await this.rest.post(`${this.#cluster}/activate`, { password, newPassword });
  }

  async logIn(username: string, password: string): Promise<Session> {
    const { token } = await this.rest.post<{ token: string }>(`${this.#cluster}/sessions`, {
      username,
      password,
    });
    return new Session(this.rest.withSession(token), this.#cluster, token);
  }

  async stateDigest(): Promise<string> {
    const { stateDigest } = await this.rest.get<{ stateDigest: string }>(`${this.#cluster}/digest`);
    return stateDigest;
  }

  /** A backup on demand, once it is READY. */
  async backUp(): Promise<BackupRow> {
    const { backupId } = await this.rest.post<BackupRow>(`${this.#cluster}/backups`);
    return await this.backupReady(backupId);
  }

  backup(backupId: string): Promise<BackupRow> {
    return this.rest.get<BackupRow>(`/v1/backups/${backupId}`);
  }

  backupReady(backupId: string): Promise<BackupRow> {
    return eventually(`${backupId} to be READY`, async () => {
      const row = await this.backup(backupId);
      if (row.failure !== null) throw new Error(`${backupId} failed: ${row.failure}`);
      return row.state === "READY" ? row : null;
    });
  }

  /** Has the one recovery key proven. @param answerTo - opens a challenge with the kit. */
  async proveRecovery(answerTo: (challenge: string) => Promise<string>): Promise<string> {
    const { recoveryKeys } = await this.rest.get<{ recoveryKeys: { keyId: string }[] }>(
      "/v1/recovery-keys",
    );
    const [{ keyId } = { keyId: "" }] = recoveryKeys;
    const path = `/v1/recovery-keys/${keyId}`;
    const challenge = await this.rest.post<{ challengeId: string }>(`${path}/challenges`);
    const answer = await answerTo(JSON.stringify(challenge));
    await this.rest.post(`${path}/proofs`, { challengeId: challenge.challengeId, answer });
    return keyId;
  }

  verify(backupId: string): Promise<{ stateDigest: string; records: number }> {
    return this.rest.post(`/v1/backups/${backupId}/verify`);
  }

  download(backupId: string): Promise<Uint8Array> {
    return this.rest.download(`/v1/backups/${backupId}/download`);
  }
}

/** The same for a user who has logged in to the HSM. */
export class Session {
  readonly rest: RestClient;
  readonly token: string;
  readonly #cluster: string;

  constructor(rest: RestClient, cluster: string, token: string) {
    this.rest = rest;
    this.token = token;
    this.#cluster = cluster;
  }

  async createUser(username: string, password: string, role: "CO" | "CU"): Promise<void> {
    await this.rest.post(`${this.#cluster}/users`, { username, password, role });
  }

  /** Users with password verifiers, at most 500 at a time. */
  async importUsers(users: readonly object[]): Promise<void> {
    await this.rest.post(`${this.#cluster}/users:import`, { users });
  }

  /** At most 500 at a time, all or none. Returns their handles. */
  async importKeys(keys: readonly object[]): Promise<number[]> {
    const { handles } = await this.rest.post<{ handles: number[] }>(
      `${this.#cluster}/keys:import`,
      { keys },
    );
    return handles;
  }

  async shareKey(handle: number, username: string): Promise<void> {
    await this.rest.post(`${this.#cluster}/keys/${handle}/share`, { username });
  }

  /** Names of all users. */
  async users(): Promise<string[]> {
    const { users } = await this.rest.get<{ users: { username: string }[] }>(
      `${this.#cluster}/users`,
    );
    return users.map((user) => user.username);
  }

  async importKey(material: KeyMaterial, attributes: KeyAttributes): Promise<number> {
    const { handle } = await this.rest.post<{ handle: number }>(`${this.#cluster}/keys`, {
      ...attributes,
      material,
    });
    return handle;
  }

  async keys(): Promise<KeyRow[]> {
    const { keys } = await this.rest.get<{ keys: KeyRow[] }>(`${this.#cluster}/keys`);
    return keys;
  }

  async deleteKey(handle: number): Promise<void> {
    await this.rest.delete(`${this.#cluster}/keys/${handle}`);
  }

  /** Certificates, PEM, one after the other. Returns how many went in. */
  async importCertificates(pem: string): Promise<number> {
    const { certificates } = await this.rest.post<{ certificates: unknown[] }>(
      `${this.#cluster}/certificates`,
      { pem },
    );
    return certificates.length;
  }

  /** Base64 of the signature over `message`. */
  async sign(handle: number, mechanism: string, message: Uint8Array): Promise<Uint8Array> {
    const { signature } = await this.rest.post<{ signature: string }>(
      `${this.#cluster}/keys/${handle}/sign`,
      { mechanism, message: Buffer.from(message).toString("base64") },
    );
    return Buffer.from(signature, "base64");
  }

  async exportKey(handle: number): Promise<void> {
    await this.rest.post(`${this.#cluster}/keys/${handle}/export`, { format: "pkcs8" });
  }
}
