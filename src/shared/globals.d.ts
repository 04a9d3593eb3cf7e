/**
 * The few globals that browsers and Node share and `src/shared` may use. Declared by hand so that the folder compiles
 * without DOM and Node types.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBufferView | ArrayBuffer): string;
}
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare const performance: { now(): number };
declare function setTimeout(callback: () => void, ms?: number): unknown;
