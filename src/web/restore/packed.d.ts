/** A script of the single file as its build packs it: scripts/web/packed.ts. */
declare module "*?packed" {
  /** Base64 of raw DEFLATE (RFC 1951) of the script. */
  const packed: string;
  export default packed;
}
