import { assertUnreachable } from '../base/assert';
import { parseLane } from './lane-spec';

/** What runs with the user's own rights. */
export type LaneCode =
  | { readonly kind: 'program'; readonly words: readonly string[] }
  | { readonly kind: 'library'; readonly folder: string };

/**
 * What a lane has this machine run; nothing where it only reads files. A folder of shaders is no such thing: WGSL is text
 * that WebGPU checks and keeps to the GPU's buffers. Throws QuarrelError where it is no lane.
 */
export function codeOfLane(lane: string): readonly LaneCode[] {
  const spec = parseLane(lane);
  switch (spec.kind) {
    case 'reference':
    case 'webgpu':
    case 'trace':
      return [];
    case 'llama':
      return spec.directory === undefined ? [] : [{ kind: 'library', folder: spec.directory }];
    case 'cmd':
      return [{ kind: 'program', words: spec.command.words }];
    case 'place':
      return spec.rules.flatMap((rule) => codeOfLane(rule.lane));
    default:
      return assertUnreachable(spec);
  }
}
