/** Per-layer placement: which lane runs which layers, as `0:reference,1-:webgpu` says. */
import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { Graph } from '../graph/graph';
import { layersOf } from '../graph/graph';

/** Layers from … to, both included; before the first layer (`embd`) and after the last (`output`) have no number. */
export interface PlacementRule {
  readonly layers: { readonly from: number; readonly to: number } | 'embd' | 'output';
  /** LANE string of a lane that runs graphs itself. */
  readonly lane: string;
}

const GRAMMAR = 'LAYERS:LANE, as 0:reference,1-:webgpu; LAYERS is 3, 0-3, 4-, embd or output';

/** Throws QuarrelError that quotes the rule it cannot read. */
export function parsePlacement(text: string): readonly PlacementRule[] {
  return text.split(',').map((rule) => {
    const [, layers, lane] = /^\s*([^:]+):(.+?)\s*$/.exec(rule) ?? [];
    const range = /^(\d+)(-(\d*))?$/.exec(layers ?? '');
    if (lane === undefined || (!range && layers !== 'embd' && layers !== 'output')) {
      throw new QuarrelError(`placement ${JSON.stringify(rule)}: ${GRAMMAR}`);
    }
    if (!range) return { layers: layers as 'embd' | 'output', lane };
    const from = Number(range[1]);
    const to = range[2] === undefined ? from : range[3] === '' ? Infinity : Number(range[3]);
    if (to < from) throw new QuarrelError(`placement ${JSON.stringify(rule)}: layers ${from} to ${to}`);
    return { layers: { from, to }, lane };
  });
}

/** Nodes that follow each other and run on one lane. */
export interface PlacedSegment {
  readonly lane: string;
  readonly nodes: ReadonlySet<NodeId>;
}

/**
 * Cuts the graph into segments, in its order. Where no rule names them, what lies before the first layer goes with it,
 * what lies after the last goes with that. Throws QuarrelError where a layer is placed nowhere.
 */
export function segmentsOf(graph: Graph, rules: readonly PlacementRule[]): readonly PlacedSegment[] {
  const layers = layersOf(graph);
  const numbers = graph.order.flatMap((id) => layers.get(id) ?? []);
  if (numbers.length === 0) throw new QuarrelError('the graph has no layers to place');
  const first = Math.min(...numbers);
  const last = Math.max(...numbers);
  const lastAt = graph.order.findLastIndex((id) => layers.get(id) !== undefined);
  const named = (which: 'embd' | 'output'): string | undefined => rules.find((r) => r.layers === which)?.lane;
  let lane = named('embd') ?? laneOf(rules, first);
  const segments: { lane: string; nodes: Set<NodeId> }[] = [];
  graph.order.forEach((id, at) => {
    const layer = layers.get(id);
    // Inside the layers, a node without one (a mask, positions) goes with what stands before it.
    if (layer !== undefined) lane = laneOf(rules, layer);
    else if (at > lastAt) lane = named('output') ?? laneOf(rules, last);
    const current = segments.at(-1);
    if (current?.lane === lane) current.nodes.add(id);
    else segments.push({ lane, nodes: new Set([id]) });
  });
  return segments;
}

/**
 * Throws QuarrelError for a rule that places nothing: its layers are none of the model's, or earlier rules have them all.
 * @param layers numbers of all layers of the model
 */
export function requireEffect(rules: readonly PlacementRule[], layers: ReadonlySet<number>): void {
  const [first, last] = [Math.min(...layers), Math.max(...layers)];
  rules.forEach((rule, i) => {
    const before = rules.slice(0, i);
    if (typeof rule.layers !== 'object') {
      if (before.some((r) => r.layers === rule.layers)) throw new QuarrelError(`${ruleText(rule)} is placed twice`);
      return;
    }
    const own = [...layers].filter((layer) => holds(rule, layer));
    if (own.length === 0) throw new QuarrelError(`${ruleText(rule)}: the model has layers ${first} to ${last}`);
    if (own.every((layer) => before.some((r) => holds(r, layer)))) {
      throw new QuarrelError(`${ruleText(rule)} places nothing: earlier rules have its layers already`);
    }
  });
}

function ruleText({ layers, lane }: PlacementRule): string {
  if (typeof layers !== 'object') return `placement ${layers}:${lane}`;
  const { from, to } = layers;
  const range = from === to ? String(from) : `${from}-${to === Infinity ? '' : to}`;
  return `placement ${range}:${lane}`;
}

function holds({ layers }: PlacementRule, layer: number): boolean {
  return typeof layers === 'object' && layers.from <= layer && layer <= layers.to;
}

function laneOf(rules: readonly PlacementRule[], layer: number): string {
  const rule = rules.find((r) => holds(r, layer));
  if (rule) return rule.lane;
  throw new QuarrelError(`layer ${layer} is placed on no lane: ${GRAMMAR}`);
}
