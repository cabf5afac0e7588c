/** What workerd makes of an imported module. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
