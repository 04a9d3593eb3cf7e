import type { NodeId } from '../../base/brand';
import type { Graph, GraphTensor } from '../../graph/graph';
import { isComputing, layersOf, tensorOf } from '../../graph/graph';
import type { Placement, RunExtent } from '../alignment';
import { kvLengthOf, placeCheckpoint } from '../alignment';
import { headSize, tokensFirst } from '../name-map';
import type { TraceEntry, TraceSource } from '../trace';
import { bareName, conventionOf } from './conventions';
import { layerPattern } from './name-patterns';
import type { Layout, Positions, Sketch } from './sketch';
import { distance, layoutsFor, samplePositions, sketchOf, storedAt, swapped } from './sketch';

/** A node of the graph that a foreign name may mean. */
export interface Target {
  readonly node: GraphTensor;
  /** Place in graph order. */
  readonly rank: number;
  readonly layer: number | undefined;
  /** `Qcur-{N}#0`, or the key itself outside layers. */
  readonly pattern: string;
  /** Elements per head, where the engine may order channels in another way; undefined elsewhere. */
  readonly head: number | undefined;
}

/** One way to read one foreign checkpoint. */
export interface Candidate {
  readonly target: Target;
  readonly layout: Layout;
  /** 0 for equal values, 1 for unrelated ones. */
  readonly raw: number;
  /** `raw`, less where a naming convention agrees, more where it disagrees. */
  readonly distance: number;
}

/** A convention that names the node lessens the distance … */
const NAME_AGREES = 0.3;
/** … one that names another node doubles it. */
const NAME_DISAGREES = 2;
/** Values that are equal but for rounding of the sample. */
const SAME_VALUES = 1e-6;

/** Q and K before and after rope: GGUF permutes their rows for NORM rope, other engines do not. */
const ROTATED = /^([qk]cur(_.*)?|[qk](_.*)?)$/i;

/** Compares foreign checkpoints with the reference's own results. */
export class Candidates {
  readonly targets: readonly Target[];
  private readonly byShape = new Map<string, Target[]>();
  private readonly run: RunExtent;
  private readonly positions = new Map<string, Positions>();
  private readonly sketches = new Map<string, Sketch>();

  constructor(
    private readonly dump: TraceSource,
    private readonly golden: TraceSource,
    graph: Graph,
  ) {
    const tokens = golden.tokens.length;
    this.run = { tokens, positions: tokens + (golden.manifest?.past ?? 0), kvLength: kvLengthOf(graph) };
    this.targets = targetsOf(graph, golden);
    for (const target of this.targets) {
      const key = `${target.node.ne.join()}|${target.head ?? ''}`;
      this.byShape.set(key, [...(this.byShape.get(key) ?? []), target]);
    }
  }

  /** All that this checkpoint may be among `wanted`, nearest first. */
  of(entry: TraceEntry, wanted: (target: Target) => boolean): readonly Candidate[] {
    const hints = conventionOf(entry.key) ?? this.sameName(entry.key);
    const found: Candidate[] = [];
    let values: Float32Array | undefined;
    for (const targets of this.byShape.values()) {
      const some = targets.filter(wanted);
      const first = some[0];
      if (!first) continue;
      for (const layout of layoutsFor(entry.shape, first.node, first.head)) {
        const shape = asInGraph(entry.shape, layout);
        const placement = placeCheckpoint(first.node, shape, this.run);
        if (typeof placement === 'string') continue;
        values ??= this.dump.readF32(entry.key);
        const at = this.positionsOf(first.node, placement);
        const stored = storedAt(at.from, layout, entry.shape, first.head ?? 1);
        const theirs = sketchOf(values, stored, at.rows);
        for (const target of some) {
          // what attention gives is permuted by a CONT of its own: heads first, that is the node before
          if (layout.heads && target.node.kind === 'CONT') continue;
          const raw = distance(this.goldenSketch(target.node, placement), theirs);
          found.push({ target, layout, raw, distance: weighed(raw, target, hints) });
        }
      }
    }
    return found.sort((a, b) => a.distance - b.distance || a.target.rank - b.target.rank);
  }

  /** Whether a checkpoint has the very bits of a node as it lies. */
  isEqual(entry: TraceEntry, { target, layout }: Candidate): boolean {
    if (layout.channels || layout.transpose || layout.heads) return false;
    const [ours, theirs] = [this.golden.readF32(target.node.key), this.dump.readF32(entry.key)];
    return ours.length === theirs.length && ours.every((v, i) => v === theirs[i]);
  }

  /** Whether two nodes hold the same values: then it does not matter which of them a checkpoint is taken for. */
  areTwins(a: GraphTensor, b: GraphTensor): boolean {
    const [x, y] = [this.golden.readF32(a.key), this.golden.readF32(b.key)];
    return x.length === y.length && x.every((v, i) => v === y[i]);
  }

  private sameName(name: string): Hints {
    return this.targets.some(({ node }) => node.key === name) ? ({ key }) => key === name : undefined;
  }

  private positionsOf(node: GraphTensor, placement: Placement): Positions {
    const key = placementKey(node, placement);
    const positions = this.positions.get(key) ?? samplePositions(node.ne, placement);
    this.positions.set(key, positions);
    return positions;
  }

  private goldenSketch(node: GraphTensor, placement: Placement): Sketch {
    const key = `${node.key}|${placementKey(node, placement)}`;
    const known = this.sketches.get(key);
    if (known) return known;
    const { to, rows } = this.positionsOf(node, placement);
    const sketch = sketchOf(this.golden.readF32(node.key), to, rows);
    this.sketches.set(key, sketch);
    return sketch;
  }
}

/** The shape that a checkpoint has once its layout is undone. */
function asInGraph(shape: readonly number[], { transpose, heads }: Layout): readonly number[] {
  if (transpose) return swapped(shape);
  return heads ? tokensFirst(shape) : shape;
}

/** Whether two candidates are told apart by rounding only. */
export function isTie(a: Candidate, b: Candidate): boolean {
  return Math.abs(a.raw - b.raw) <= SAME_VALUES;
}

type Hints = ((node: GraphTensor) => boolean) | undefined;

function weighed(raw: number, { node }: Target, hints: Hints): number {
  if (!hints) return raw;
  return Math.min(1, raw * (hints(node) ? NAME_AGREES : NAME_DISAGREES));
}

function placementKey(node: GraphTensor, { ne, origin, extent }: Placement): string {
  return [node.ne, ne, origin, extent].join('|');
}

function targetsOf(graph: Graph, golden: TraceSource): readonly Target[] {
  const layers = layersOf(graph);
  return graph.order.flatMap((id: NodeId, rank) => {
    const node = tensorOf(graph, id);
    if (!isComputing(graph, node) || !golden.entries.has(node.key)) return [];
    const inLayer = layerPattern(node.key);
    return [
      {
        node,
        rank,
        layer: inLayer?.layer ?? layers.get(id),
        pattern: inLayer?.pattern ?? node.key,
        head: headOf(graph, node),
      },
    ];
  });
}

function headOf(graph: Graph, node: GraphTensor): number | undefined {
  if (!ROTATED.test(bareName(node.key)) || node.ne[0] % 2 !== 0) return undefined;
  const head = headSize(graph, node, node);
  return head % 2 === 0 ? head : undefined;
}
