/**
 * The exports of the module: every function a host may call, and the regions it passes bytes through.
 *
 * Each checks its lengths and slots in its first lines, returns a status (status.ts), and never traps.
 */
export { aesClearKey, aesDecryptBlocks, aesEncryptBlocks, aesSetKey } from "./aes";
export { aesCmac } from "./cmac";
export { equalBytes } from "./equal";
export {
  hashClose,
  hashDigest,
  hashOnce,
  hashOpen,
  hashPeek,
  hashUpdate,
  hmacOnce,
  hmacOpen,
} from "./hash-slots";
export { kdfCounter } from "./kdf";
export { kwpUnwrap, kwpWrap, kwUnwrap, kwWrap } from "./key-wrap";
export { kwpUnwrapLanes, kwpWrapLanes } from "./key-wrap-lanes";
export {
  AES_SLOTS,
  DATA,
  HASH_SLOTS,
  KDF_MAX_BYTES,
  KEY,
  KEY_BYTES,
  MAX_WRAP_BYTES,
  OUT,
  SECRETS_END,
  VERDICT,
  wipe,
  wipePassing,
} from "./memory";
