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
  hashUpdate,
  hmacOnce,
  hmacOpen,
} from "./hash-slots";
export { kdfCounter } from "./kdf";
export { kwpUnwrap, kwpWrap, kwUnwrap, kwWrap } from "./key-wrap";
export { kwpUnwrapLanes, kwpWrapLanes } from "./key-wrap-lanes";
export { DATA, KEY, OUT, SECRETS_END, VERDICT, wipe, wipePassing } from "./memory";
