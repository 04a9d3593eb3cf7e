import { assertUnreachable } from '../base/assert';
import { parseLane } from './lane-spec';

/**
 * What a lane has this machine run with the user's own rights, in words; nothing where it only reads files. A folder of
 * shaders is no such thing: WGSL is text that WebGPU checks and keeps to the GPU's buffers.
 */
export function codeOfLane(lane: string): readonly string[] {
  const spec = parseLane(lane);
  switch (spec.kind) {
    case 'reference':
    case 'webgpu':
    case 'trace':
      return [];
    case 'llama':
      return spec.directory === undefined ? [] : [`loads the libraries in ${spec.directory}`];
    case 'cmd':
      return [`runs the program ${spec.command.words.join(' ')}`];
    case 'place':
      return spec.rules.flatMap((rule) => codeOfLane(rule.lane));
    default:
      return assertUnreachable(spec);
  }
}
