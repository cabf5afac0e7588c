/**
 * `Symbol.dispose` for browsers that do not have it yet.
 *
 * Imported first by every entry, page and worker: classes that name the symbol are defined after
 * it.
 */
const symbols: { dispose?: symbol } = Symbol;

if (symbols.dispose === undefined) {
  Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose") });
}

export {};
