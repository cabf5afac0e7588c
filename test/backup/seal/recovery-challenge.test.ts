/** Challenges for recovery keys, and their documents. FORMAT.md §7.5, KIT.md §5. */
import { describe, expect, it } from "vitest";
import { isChallenge, parseChallenge } from "../../../src/backup/kit/challenge.ts";
import { KitError } from "../../../src/backup/kit/errors.ts";
import { decodeEnvelope } from "../../../src/backup/seal/envelope.ts";
import {
  answerChallenge,
  type ChallengeFault,
  challengeDocument,
  makeChallenge,
  type RecoveryChallenge,
} from "../../../src/backup/seal/recovery-challenge.ts";
import { loadCore } from "../../lib/core.ts";
import {
  counterRandom,
  recoveryKey,
  recoveryPublicKey,
  sealedBackup,
  subtle,
  testKit,
} from "../fixtures.ts";

const core = await loadCore();
const platform = { core, subtle, random: counterRandom("challenge") };
const { recoveryKeys } = testKit();
const refused = (code: ChallengeFault) => ({ code });

describe.each(["hybrid", "rsa"] as const)("a challenge for a key of kind %s", (kind) => {
  const made = makeChallenge(platform, recoveryPublicKey(kind));

  it("is answered by who has the private half", async () => {
    const { challenge, answer } = await made;
    expect(challenge).toMatchObject({ kind, keyId: recoveryKey(kind).id });
    expect(answer).toMatch(/^[0-9a-f]{32}$/);
    expect(await answerChallenge(platform, recoveryKeys, challenge)).toBe(answer);
    const again = parseChallenge(JSON.stringify(challengeDocument(challenge)));
    expect(again).toEqual(challenge);
    expect(await answerChallenge(platform, recoveryKeys, again)).toBe(answer);
  });

  it("is another one each time", async () => {
    const other = await makeChallenge(platform, recoveryPublicKey(kind));
    expect(other.answer).not.toBe((await made).answer);
    expect(other.challenge.challengeId).not.toBe((await made).challenge.challengeId);
  });

  it("is not answered without the key, nor when anything of it was changed", async () => {
    const { challenge } = await made;
    await expect(answerChallenge(platform, [], challenge)).rejects.toMatchObject(
      refused("challenge_key_absent"),
    );
    const wrapped = challenge.wrapped.slice();
    wrapped[wrapped.length - 1] = (wrapped.at(-1) ?? 0) ^ 1;
    const changed: RecoveryChallenge[] = [
      { ...challenge, wrapped },
      { ...challenge, wrapped: wrapped.subarray(1) },
      { ...challenge, challengeId: "00".repeat(16) },
    ];
    for (const other of changed) {
      const answered = answerChallenge(platform, recoveryKeys, other);
      await expect(answered).rejects.toMatchObject(refused("challenge_refused"));
    }
  });

  it("cannot be the data key of a backup", async () => {
    const { store } = await sealedBackup(core, "oracle", [recoveryPublicKey(kind)]);
    const { recipients } = decodeEnvelope(store.envelope).clear;
    const { keyId = "", wrapped = new Uint8Array(0) } = recipients[1] ?? {};
    const passedOff = { kind, keyId, challengeId: "00".repeat(16), wrapped };
    const answered = answerChallenge(platform, recoveryKeys, passedOff);
    await expect(answered).rejects.toMatchObject(refused("challenge_refused"));
  });
});

it("a document that is no challenge is refused with the place", async () => {
  const { challenge } = await makeChallenge(platform, recoveryPublicKey());
  const document = challengeDocument(challenge);
  const codeOf = (text: string) => {
    try {
      parseChallenge(text);
    } catch (error) {
      if (error instanceof KitError) return error.fault.code;
      throw error;
    }
    return "taken";
  };
  const changed = (change: object) => JSON.stringify({ ...document, ...change });
  expect(isChallenge(changed({}))).toBe(true);
  expect(codeOf(changed({ more: 1 }))).toBe("taken");
  expect(codeOf("{")).toBe("kit_not_json");
  expect(() => parseChallenge("{")).toThrow("no challenge");
  expect(() => parseChallenge(changed({ kind: 1 }))).toThrow("The challenge is wrong at kind");
  expect(codeOf("[]")).toBe("kit_member_invalid");
  expect(codeOf(changed({ format: "holdfast-recovery-kit/1" }))).toBe("kit_not_ours");
  expect(codeOf(changed({ keyId: undefined }))).toBe("kit_member_missing");
  expect(codeOf(changed({ kind: "other" }))).toBe("kit_member_invalid");
  expect(codeOf(changed({ wrapped: "a" }))).toBe("kit_base64");
  expect(codeOf(changed({ more: "x".repeat(16_384) }))).toBe("kit_too_large");
});
