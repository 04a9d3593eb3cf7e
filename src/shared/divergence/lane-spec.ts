import { QuarrelError } from '../base/errors';
import type { ForeignCommand } from './foreign-command';
import { parseForeignCommand } from './foreign-command';
import type { LlamaOptions } from './llama-options';
import { LLAMA_OPTION_KEYS, parseLlamaOptions } from './llama-options';
import type { PlacementRule } from './placement';
import { parsePlacement } from './placement';

export type Device = 'cpu' | 'metal' | 'vulkan' | 'cuda';

/** llama.cpp on a device, in the published build or one of the user's. */
export interface LlamaLane {
  readonly kind: 'llama';
  readonly device: Device;
  readonly directory?: string;
  /** Absent where none is given. */
  readonly options?: LlamaOptions;
}

/** A LANE of the command line (design.md §6), parsed. */
export type LaneSpec =
  | LlamaLane
  | { readonly kind: 'reference' }
  | { readonly kind: 'webgpu'; readonly overlay?: string }
  | { readonly kind: 'trace'; readonly path: string }
  | { readonly kind: 'cmd'; readonly command: ForeignCommand }
  | { readonly kind: 'place'; readonly rules: readonly PlacementRule[] };

const GRAMMAR =
  'llama[:cpu|metal|vulkan|cuda][@DIR][,OPTION=…], reference, webgpu[@DIR], trace:FILE, cmd:PROGRAM … {out} or place:LAYERS:LANE,…';
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
  const llama = parseLlama(text);
  if (llama) return llama;
  const [head, directory] = atDirectory(text, text);
  if (head === 'webgpu') return { kind: 'webgpu', ...(directory === undefined ? {} : { overlay: directory }) };
  throw new QuarrelError(`unknown lane ${JSON.stringify(text)}: ${GRAMMAR} expected`);
}

/** undefined: not a llama lane, or one of an unknown device. */
function parseLlama(text: string): LlamaLane | undefined {
  const [place, given] = splitOptions(text);
  const [head, directory] = atDirectory(place, text);
  const [name, device = 'cpu', ...rest] = head.split(':');
  if (name !== 'llama' || rest.length > 0 || !DEVICES.includes(device)) return undefined;
  return {
    kind: 'llama',
    device: device as Device,
    ...(directory === undefined ? {} : { directory }),
    ...(given === undefined ? {} : { options: parseLlamaOptions(given, text, device) }),
  };
}

/**
 * Cuts a llama lane at its first option. Without a folder that is the first comma. A folder may have commas in its name,
 * so there it is the first comma with `word=` after it, or with the word of an option alone, whose value is missing.
 */
function splitOptions(text: string): readonly [place: string, options: string | undefined] {
  const at = text.indexOf('@');
  const comma = text.indexOf(',');
  if (comma < 0) return [text, undefined];
  if (at < 0 || comma < at) return [text.slice(0, comma), text.slice(comma + 1)];
  const known = LLAMA_OPTION_KEYS.join('|');
  const found = new RegExp(`,(?=[a-z]+=|(?:${known})?(?:,|$))`).exec(text.slice(at));
  return found ? [text.slice(0, at + found.index), text.slice(at + found.index + 1)] : [text, undefined];
}

function atDirectory(text: string, lane: string): readonly [head: string, directory: string | undefined] {
  const at = text.indexOf('@');
  if (at < 0) return [text, undefined];
  const directory = text.slice(at + 1);
  if (directory === '') throw new QuarrelError(`lane ${JSON.stringify(lane)}: a directory is missing after "@"`);
  return [text.slice(0, at), directory];
}
