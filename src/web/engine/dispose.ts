/**
 * `Symbol.dispose` for browsers that do not have it yet.
 *
 * Imported first by the worker's entry: classes that name the symbol are defined after it. The
 * pages dispose of nothing.
 */
const symbols: { dispose?: symbol } = Symbol;

if (symbols.dispose === undefined) {
  Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose") });
}

export {};
