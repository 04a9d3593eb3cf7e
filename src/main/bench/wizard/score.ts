/** What became of one run of the wizard, and of all. */
import type { Graph } from '../../../shared/graph/graph';
import { tensorOf } from '../../../shared/graph/graph';
import type { BadNode, Verdict } from '../../../shared/divergence/verdict';

/** Where the wizard should arrive. */
export interface Truth {
  /**
   * Keys of the wrong nodes up to the first dumped one: those before it show wherever a stretch ends first. None where
   * tokens or weights are wrong before any node is.
   */
  readonly nodes: readonly string[];
  readonly step: number;
  readonly causes: readonly string[];
}

export interface Score {
  readonly nodeHit: boolean;
  readonly causeHit: boolean;
  /** Whether a right node before the planted one was called bad. */
  readonly falseBlame: boolean;
  readonly found: string;
  readonly cause: string | null;
  readonly explained: number | null;
}

export function score(verdict: Verdict, truth: Truth, graph: Graph): Score {
  const { firstBad, cause } = verdict;
  const nodeHit =
    truth.nodes.length === 0 ? verdict.verdict === 'diverged' : firstBad !== null && isAt(firstBad, truth);
  return {
    nodeHit,
    causeHit: cause !== null && truth.causes.includes(cause.id),
    falseBlame: !nodeHit && firstBad !== null && comesBefore(firstBad, truth, graph),
    found: firstBad ? describe(firstBad) : verdict.verdict,
    cause: cause?.id ?? null,
    explained: cause?.explained ?? null,
  };
}

/** The wizard gave up. */
export function failed(message: string): Score {
  return { nodeHit: false, causeHit: false, falseBlame: false, found: message, cause: null, explained: null };
}

function isAt(bad: BadNode, { nodes, step }: Truth): boolean {
  if (bad.step !== step) return false;
  return nodes.some((node) => bad.node === node || bad.stretch.includes(node) || bad.writes.includes(node));
}

function comesBefore(bad: BadNode, { nodes, step }: Truth, graph: Graph): boolean {
  const [first] = nodes;
  if (first === undefined) return true;
  if (bad.step !== step) return bad.step < step;
  const keys = graph.order.map((id) => tensorOf(graph, id).key);
  return keys.indexOf(bad.node) < keys.indexOf(first);
}

function describe({ node, step, stretch, writes }: BadNode): string {
  const before = stretch.length > 0 ? ` (${stretch.length} before it)` : '';
  const written = writes.length > 0 ? ' (cache)' : '';
  return `${step > 0 ? `step ${step}: ` : ''}${node}${before}${written}`;
}

export interface PlantResult extends Score {
  readonly name: string;
  readonly row: number;
  readonly title: string;
  readonly kind: 'engine' | 'kernel' | 'input';
  readonly model: string;
  readonly note: string;
  readonly style: string;
  /** NMSE at the planted node; null for kernels and inputs. */
  readonly effect: number | null;
  readonly planted: string;
  /** Candidates for causes that are right. */
  readonly accepted: readonly string[];
  readonly seconds: number;
}

export interface ControlResult {
  readonly name: string;
  readonly model: string;
  readonly note: string;
  readonly clean: boolean;
  readonly compared: number;
  /** The nodes that were blamed. */
  readonly blamed: readonly string[];
  readonly seconds: number;
}

export interface Skipped {
  readonly name: string;
  readonly row: number;
  readonly reason: string;
}

export interface WizardBench {
  readonly seed: number;
  readonly plants: readonly PlantResult[];
  readonly controls: readonly ControlResult[];
  readonly skipped: readonly Skipped[];
  readonly totals: Totals;
}

export interface Totals {
  readonly plants: number;
  readonly nodeHits: number;
  readonly causeHits: number;
  readonly controls: number;
  readonly falseBlame: number;
  readonly runs: number;
  readonly seconds: number;
}

/** What the benchmark must reach; the rates are of all plants. */
export const AIMS = { node: 0.98, cause: 0.9, falseBlame: 0 } as const;

export function totalsOf(plants: readonly PlantResult[], controls: readonly ControlResult[]): Totals {
  const count = (list: readonly boolean[]): number => list.filter(Boolean).length;
  return {
    plants: plants.length,
    nodeHits: count(plants.map((p) => p.nodeHit)),
    causeHits: count(plants.map((p) => p.causeHit)),
    controls: controls.length,
    falseBlame: count(plants.map((p) => p.falseBlame)) + count(controls.map((c) => !c.clean)),
    runs: plants.length + controls.length,
    seconds: [...plants, ...controls].reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

export function meetsAims({ plants, nodeHits, causeHits, falseBlame }: Totals): boolean {
  return (
    plants > 0 && nodeHits >= AIMS.node * plants && causeHits >= AIMS.cause * plants && falseBlame <= AIMS.falseBlame
  );
}
