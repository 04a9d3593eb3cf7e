import { QuarrelError } from '../../shared/base/errors';
import type { CpuLane } from './tile';

/** A lane of `verify`, parsed. */
export type VerifyLane =
  | { readonly kind: 'cpu'; readonly name: CpuLane; readonly lane: CpuLane }
  | { readonly kind: 'webgpu'; readonly name: string; readonly overlay: string | undefined };

export const DEFAULT_LANES: readonly string[] = ['scalar', 'wasm', 'webgpu', 'llama'];

/** `scalar`, `wasm`, `llama`, `webgpu` or `webgpu@DIR`. Throws QuarrelError that quotes what was found. */
export function parseVerifyLane(text: string): VerifyLane {
  if (text === 'scalar' || text === 'wasm' || text === 'llama') return { kind: 'cpu', name: text, lane: text };
  if (text === 'webgpu') return { kind: 'webgpu', name: text, overlay: undefined };
  if (text.startsWith('webgpu@') && text.length > 'webgpu@'.length) {
    return { kind: 'webgpu', name: text, overlay: text.slice('webgpu@'.length) };
  }
  throw new QuarrelError(`unknown lane ${JSON.stringify(text)}: scalar, wasm, webgpu[@DIR] or llama expected`);
}

/** A list of lanes, each once. Throws QuarrelError. */
export function parseVerifyLanes(texts: readonly string[]): VerifyLane[] {
  if (texts.length === 0) throw new QuarrelError('no lane is given: scalar, wasm, webgpu[@DIR] or llama expected');
  return [...new Set(texts)].map(parseVerifyLane);
}
