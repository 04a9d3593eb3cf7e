import { QuarrelError } from '../base/errors';
import type { ForeignCommand } from './foreign-command';
import { parseForeignCommand } from './foreign-command';
import type { PlacementRule } from './placement';
import { parsePlacement } from './placement';

export type Device = 'cpu' | 'metal' | 'vulkan' | 'cuda';

/** A LANE of the command line (design.md §6), parsed. */
export type LaneSpec =
  | { readonly kind: 'llama'; readonly device: Device; readonly directory?: string }
  | { readonly kind: 'reference' }
  | { readonly kind: 'webgpu'; readonly overlay?: string }
  | { readonly kind: 'trace'; readonly path: string }
  | { readonly kind: 'cmd'; readonly command: ForeignCommand }
  | { readonly kind: 'place'; readonly rules: readonly PlacementRule[] };

const GRAMMAR =
  'llama[:cpu|metal|vulkan|cuda][@DIR], reference, webgpu[@DIR], trace:FILE, cmd:PROGRAM … {out} or place:LAYERS:LANE,…';
const DEVICES: readonly string[] = ['cpu', 'metal', 'vulkan', 'cuda'];

/** The rules of a `place:` lane, as given; null for other lanes. */
export function placementText(lane: string): string | null {
  return lane.startsWith('place:') ? lane.slice('place:'.length) : null;
}

/** Throws QuarrelError that quotes what was found and lists what is known. */
export function parseLane(text: string): LaneSpec {
  if (text.startsWith('trace:') && text.length > 'trace:'.length) {
    return { kind: 'trace', path: text.slice('trace:'.length) };
  }
  if (text.startsWith('cmd:')) return { kind: 'cmd', command: parseForeignCommand(text.slice('cmd:'.length)) };
  const placed = placementText(text);
  if (placed !== null) return { kind: 'place', rules: parsePlacement(placed) };
  if (text === 'reference') return { kind: 'reference' };
  const at = text.indexOf('@');
  const head = at < 0 ? text : text.slice(0, at);
  const directory = at < 0 ? undefined : text.slice(at + 1);
  if (directory === '') throw new QuarrelError(`lane ${JSON.stringify(text)}: a directory is missing after "@"`);
  if (head === 'webgpu') return { kind: 'webgpu', ...(directory === undefined ? {} : { overlay: directory }) };
  const [name, device = 'cpu', ...rest] = head.split(':');
  if (name === 'llama' && rest.length === 0 && DEVICES.includes(device)) {
    return { kind: 'llama', device: device as Device, ...(directory === undefined ? {} : { directory }) };
  }
  throw new QuarrelError(`unknown lane ${JSON.stringify(text)}: ${GRAMMAR} expected`);
}
