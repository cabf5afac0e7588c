/**
 * The `Reader` Durable Object: opens stored backups for those who may have no keys.
 *
 * Spec: docs/STORAGE.md, "Readers". A fixed number of objects, and none touches its storage: the
 * platform leaves a file behind for every object that was ever named, so there is none per backup.
 */
import { DurableObject } from "cloudflare:workers";
import type { StoredBackupOrder } from "./contracts/hsm-api.ts";
import type {
  Inspection,
  MadeChallenge,
  ReaderApi,
  RecoveryKeyName,
  VerificationFacts,
} from "./contracts/reader-api.ts";
import type { Result } from "./contracts/result.ts";
import { challengeFor, recoveryKeyNames } from "./opening/challenge.ts";
import { preCoPasswords } from "./opening/preco.ts";
import { inspectStored, type Opening, probeStored, verifyStored } from "./opening/probe.ts";
import { type SecretEnv, secretsOf } from "./opening/secrets.ts";
import { OPENINGS, Turns } from "./opening/turns.ts";
import { deploymentOf } from "./platform/deployment.ts";
import { refusalsOf } from "./platform/fault-response.ts";

export class Reader extends DurableObject<SecretEnv> implements ReaderApi {
  readonly #opening: Opening;
  readonly #turns = new Turns(OPENINGS);

  constructor(state: DurableObjectState, env: SecretEnv) {
    super(state, env);
    this.#opening = { deployment: deploymentOf(env), secrets: secretsOf(env) };
  }

  probe(order: StoredBackupOrder): Promise<Result<null>> {
    return this.#inTurn(() => probeStored(this.#opening, order));
  }

  verify(order: StoredBackupOrder): Promise<Result<VerificationFacts>> {
    return this.#inTurn(() => verifyStored(this.#opening, order));
  }

  inspect(order: StoredBackupOrder, after: number, limit: number): Promise<Result<Inspection>> {
    return this.#inTurn(() => inspectStored(this.#opening, order, after, limit));
  }

  async recoveryKeys(): Promise<readonly RecoveryKeyName[]> {
    return recoveryKeyNames(this.#opening.deployment);
  }

  challenge(keyId: string): Promise<Result<MadeChallenge>> {
    return this.#inTurn(() => challengeFor(this.#opening.deployment, keyId));
  }

  preCoPasswords(clusterIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return preCoPasswords(this.#opening.secrets.storageKey, clusterIds);
  }

  #inTurn<T>(open: () => Promise<T>): Promise<Result<T>> {
    return refusalsOf(() => this.#turns.take(open));
  }
}
