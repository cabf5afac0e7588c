/**
 * Published answers for the KEM MLKEM768-X25519 and for the key schedule of HPKE.
 *
 * Of public keys and encapsulations the ends: the shared secret depends on the whole of the public key
 * and of the X25519 half, and opening finds any other difference.
 */

export interface KemVector {
  readonly source: string;
  readonly seed: string;
  readonly coins: string;
  /** First and last 20 bytes. */
  readonly publicKey: readonly [string, string];
  readonly enc: readonly [string, string];
  readonly sharedSecret: string;
}

const X_WING = "draft-connolly-cfrg-xwing-kem-10, appendix C";
const CONCRETE = "draft-irtf-cfrg-concrete-hybrid-kems, as in paulmillr/noble-post-quantum";

export const KEM_VECTORS: readonly KemVector[] = [
  {
    source: `${X_WING}, 1`,
    seed: "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
    coins:
      "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2" +
      "35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
    publicKey: [
      "e2236b35a8c24b39b10aa1323a96a919a2ced884",
      "4570216223593d4ba32d9abac8cd049040ef6534",
    ],
    enc: ["b83aa828d4d62b9a83ceffe1d3d3bb1ef3126464", "030145cfb97e63e0e41d354274a079d3e6fb2e15"],
    sharedSecret: "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384",
  },
  {
    source: `${X_WING}, 2`,
    seed: "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
    coins:
      "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef" +
      "aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
    publicKey: [
      "0333285fa253661508c9fb444852caa4061636cb",
      "549f85b528c953926d96ea8a160b8843f1c89c62",
    ],
    enc: ["c93beb22326705699bbc3d1d0aa6339be7a405de", "469aee6f91c98bea4127ae66312f4ae3ea155b67"],
    sharedSecret: "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150",
  },
  {
    source: `${X_WING}, 3`,
    seed: "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
    coins:
      "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619" +
      "f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
    publicKey: [
      "36244278824f77c621c660892c1c3886a9560caa",
      "b35b5299f555dcc2b787ea4f6f16ffdf66952461",
    ],
    enc: ["0d2e38cbf17a2e2e4e0c87a94ca1e7701ae1552e", "a445992227c825590688d203523f527161137334"],
    sharedSecret: "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f",
  },
  {
    source: `${CONCRETE}, 1`,
    seed: "00".repeat(32),
    coins: "64".repeat(64),
    publicKey: [
      "3d209f716752f6408e7f89bceef97ac388530045",
      "4c66b5194b0f08e18519faaee194e3c102823062",
    ],
    enc: ["d81018a94f8078e02105beaa814e003390befa45", "d060f85f5e5c6b6803a816d141c075f63541ad10"],
    sharedSecret: "e5ba94031ea6efd69c09c254f6d9783136ba6037e2d4c43bcccf19d6f3f4343a",
  },
  {
    source: `${CONCRETE}, 2`,
    seed: "01".repeat(32),
    coins: "65".repeat(64),
    publicKey: [
      "ec7b50cddc8360f98b189bac73d395ef947b37d8",
      "a9aff50c054b3f819ee2da1cc9134008b9f5ec05",
    ],
    enc: ["600ecf4026683898d0e339eeea9ebd437a4a8029", "56a5ed07ac44fe0c116ec2de80b8e523959d7824"],
    sharedSecret: "750300db25bff9620e893c2c6fcab9bf04d7f2e543b5b39420485626fa274908",
  },
  {
    source: `${CONCRETE}, 3`,
    seed: "02".repeat(32),
    coins: "66".repeat(64),
    publicKey: [
      "08118d8819772292c976ec971ee3039195800c82",
      "49f2f7eb1d2a9b72432b61352a9a953730c6295c",
    ],
    enc: ["413c55d5710bae6376761dada807daffd4dc45f9", "c784f4746c7138edb9ee4844b739e830b05cf424"],
    sharedSecret: "87292f18b2e7af74bb8839ddee15e832d2f4bfac14dc84f824906d951436aafa",
  },
  {
    // HPKE's numbering: ikmE is the coins, skRm the seed. Its KDF and AEAD are others than ours.
    source: "draft-ietf-hpke-pq-04, appendix A.12 (KEM 0x647a)",
    seed: "8f908710ee25a3aa6fd3ed80eb5bf102963547bf4fe36d86f772432ac383e6e9",
    coins:
      "67d925853f974ffeb36a867ba8b370c455c77fa386e0b667d6dea0fa0bcd9446" +
      "a7a24daaf163ec2c0979a75f6b776a4e08ba8e89aa9fb4f604e95a9acddc4091",
    publicKey: [
      "e6b1689ff28e68c7536cfc35a8d4b63bac507778",
      "1fd811afd25c7dbe164b8d5ef96b29552d70aa56",
    ],
    enc: ["83cc3ee720f72a3d37c2870f84ef83e4206b8236", "eb442fdd6733869d9e3e1fb43ba62bb7e2656e0b"],
    sharedSecret: "d9994083f7879bfd2333bab88dad36c0473eb67daeabb4f7d4e4dca56c63ddb4",
  },
];

export interface ScheduleVector {
  readonly source: string;
  readonly suiteId: string;
  readonly sharedSecret: string;
  readonly info: string;
  readonly key: string;
  readonly baseNonce: string;
  /** What Node calls the AEAD, and the first message of the vector. */
  readonly cipher: "aes-256-gcm" | "chacha20-poly1305";
  readonly associatedData: string;
  readonly plaintext: string;
  readonly ciphertext: string;
}

const MESSAGE = {
  info: "4f6465206f6e2061204772656369616e2055726e",
  associatedData: "436f756e742d30",
  plaintext: "4265617574792069732074727574682c20747275746820626561757479",
};

/** Mode base, KDF HKDF-SHA256. */
export const SCHEDULE_VECTORS: readonly ScheduleVector[] = [
  {
    ...MESSAGE,
    source:
      "RFC 9180, test-vectors.json of cfrg/draft-irtf-cfrg-hpke: mode 0, KEM 16, KDF 1, AEAD 2",
    suiteId: "48504b45001000010002",
    sharedSecret: "48893fecd82f7c3456af6a42d8f56325d21e08c10fa81299986aaff54cde7b49",
    key: "ee16802a936d5f544771131900ee6973d0551de9e852ece2ef34bf0d5f9e1d1d",
    baseNonce: "9bc50980832a7b4b58c40161",
    cipher: "aes-256-gcm",
    ciphertext:
      "58c61a45059d0c5704560e9d88b564a8b63f1364b8d1fcb3c4c6ddc1d291742465e902cd216f8908da49f8f96f",
  },
  {
    ...MESSAGE,
    source: "RFC 9180, appendix A.2.1: mode 0, KEM 32, KDF 1, AEAD 3",
    suiteId: "48504b45002000010003",
    sharedSecret: "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7",
    key: "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91",
    baseNonce: "5c4d98150661b848853b547f",
    cipher: "chacha20-poly1305",
    ciphertext:
      "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
  },
];
