/** Code that uses the vectors of the processor: WebAssembly, kept as text in the source beside what it was made of. */

/** What is used of the global of this name: the library of types that has it is that of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: Readonly<Record<string, unknown>>;
  };
};

/** One instance of such code, with a memory of its own. */
export interface VectorCode {
  readonly memory: Buffer;
  /** The one function that it has. Numbers are unsigned, of 32 bits. */
  readonly find: (...numbers: readonly number[]) => number;
}

const modules = new Map<string, object>();

/**
 * Makes an instance; what is compiled is kept for the next one.
 *
 * @param base64  A module that exports `memory` and `find`.
 * @returns       Null on a processor without vectors.
 */
export function vectorCode(base64: string): VectorCode | null {
  try {
    const module = modules.get(base64) ?? new WebAssembly.Module(Buffer.from(base64, "base64"));
    modules.set(base64, module);
    const { find, memory } = new WebAssembly.Instance(module).exports;
    return {
      memory: Buffer.from((memory as { readonly buffer: ArrayBuffer }).buffer),
      find: find as VectorCode["find"],
    };
  } catch {
    return null;
  }
}
