/** What became of one run of the wizard, and of all. */
import type { Graph } from '../../../shared/graph/graph';
import { tensorOf } from '../../../shared/graph/graph';
import type { RoundedPart } from '../../../shared/divergence/rounding';
import type { EnginePrecision } from './engine-kinds';
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
  /** What the engine rounds, where the bug is nothing else: to be told, and not to be blamed. */
  readonly roundings?: readonly RoundedPart[];
  /** Keys of all wrong nodes; undefined where nobody knows them. */
  readonly all?: readonly string[];
}

/** What became of the nodes that were judged. */
export interface NodeCounts {
  readonly right: number;
  readonly rounded: number;
  readonly wrong: number;
}

export function countsOf({ profile }: Verdict): NodeCounts {
  const wrong = profile.filter((p) => p.bad).length;
  const rounded = profile.filter((p) => p.rounded && !p.bad).length;
  return { right: profile.length - wrong - rounded, rounded, wrong };
}

export interface Score {
  readonly nodeHit: boolean;
  readonly causeHit: boolean;
  /** Whether a cause was named that is not the plant's: worse than none. */
  readonly causeWrong: boolean;
  /** Bad nodes that the bug is not in, nor in their stretches: an engine with one bug is right everywhere else. */
  readonly alsoBlamed: readonly string[];
  /** Whether the first bad node says what it does to the answer. */
  readonly effectKnown: boolean;
  readonly counts: NodeCounts;
  /** Whether a right node before the planted one was called bad. */
  readonly falseBlame: boolean;
  readonly found: string;
  readonly cause: string | null;
  readonly explained: number | null;
}

export function score(verdict: Verdict, truth: Truth, graph: Graph): Score {
  const { firstBad, cause } = verdict;
  const rounded = verdict.rounded.find(({ node, step }) => step === truth.step && truth.nodes.includes(node));
  const told = truth.roundings && firstBad === null ? rounded : undefined;
  const nodeHit =
    truth.nodes.length === 0
      ? verdict.verdict === 'diverged'
      : told !== undefined || (firstBad !== null && isAt(firstBad, truth));
  return {
    nodeHit,
    causeHit: told
      ? truth.roundings?.includes(told.rounding.part) === true
      : cause !== null && truth.causes.includes(cause.id),
    causeWrong: cause !== null && !truth.causes.includes(cause.id),
    alsoBlamed: alsoBlamed(verdict, truth),
    effectKnown: (firstBad?.effect ?? null) !== null,
    counts: countsOf(verdict),
    falseBlame: !nodeHit && firstBad !== null && comesBefore(firstBad, truth, graph),
    found: firstBad ? describe(firstBad) : told ? `${told.node}, rounded` : verdict.verdict,
    cause: cause?.id ?? told?.rounding.text ?? null,
    explained: cause?.explained ?? null,
  };
}

/** The wizard gave up. */
export function failed(message: string): Score {
  return {
    ...{ nodeHit: false, causeHit: false, causeWrong: false, falseBlame: false, alsoBlamed: [], effectKnown: false },
    ...{ found: message, cause: null, explained: null, counts: { right: 0, rounded: 0, wrong: 0 } },
  };
}

/** Nodes that are called bad and have nothing wrong in them. */
function alsoBlamed({ allBad }: Verdict, { all }: Truth): string[] {
  if (!all) return [];
  const wrong = new Set(all);
  const innocent = allBad.filter(
    ({ node, stretch, writes }) => ![node, ...stretch, ...writes].some((n) => wrong.has(n)),
  );
  return innocent.map(({ node, step }) => (step > 0 ? `step ${step}: ${node}` : node));
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
  readonly precision: EnginePrecision;
  /** NMSE at the planted node; null for kernels and inputs. */
  readonly effect: number | null;
  readonly planted: string;
  /** Candidates for causes that are right. */
  readonly accepted: readonly string[];
  readonly seconds: number;
}

export interface ControlResult {
  readonly name: string;
  readonly group: 'real' | 'simulated';
  readonly model: string;
  readonly note: string;
  readonly clean: boolean;
  /** Why it could not be compared; null where it was. */
  readonly reason: string | null;
  readonly compared: number;
  readonly counts: NodeCounts;
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
  readonly seeds: readonly number[];
  readonly plants: readonly PlantResult[];
  readonly controls: readonly ControlResult[];
  readonly skipped: readonly Skipped[];
  readonly totals: Totals;
}

export interface Totals {
  readonly plants: number;
  readonly nodeHits: number;
  readonly causeHits: number;
  readonly causesWrong: number;
  readonly unexplained: number;
  readonly effects: number;
  /** Bugs beside which right nodes were called bad, too. */
  readonly alsoBlamed: number;
  readonly nodes: NodeCounts;
  readonly controls: number;
  readonly falseBlame: number;
  readonly runs: number;
  readonly seconds: number;
}

/** What the benchmark must reach; the rates are of all plants. */
export const AIMS = { node: 0.99, cause: 0.95, causesWrong: 0, falseBlame: 0 } as const;

export function totalsOf(plants: readonly PlantResult[], controls: readonly ControlResult[]): Totals {
  const count = (list: readonly boolean[]): number => list.filter(Boolean).length;
  return {
    plants: plants.length,
    nodeHits: count(plants.map((p) => p.nodeHit)),
    causeHits: count(plants.map((p) => p.causeHit)),
    causesWrong: count(plants.map((p) => p.causeWrong)),
    unexplained: count(plants.map((p) => p.nodeHit && p.accepted.length > 0 && p.cause === null)),
    effects: count(plants.map((p) => p.effectKnown)),
    alsoBlamed: count(plants.map((p) => p.alsoBlamed.length > 0)),
    nodes: sumOf([...plants, ...controls].map(({ counts }) => counts)),
    controls: controls.length,
    falseBlame: count(plants.map((p) => p.falseBlame)) + count(controls.map((c) => !c.clean)),
    runs: plants.length + controls.length,
    seconds: [...plants, ...controls].reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

function sumOf(counts: readonly NodeCounts[]): NodeCounts {
  const sum = (of: keyof NodeCounts): number => counts.reduce((total, c) => total + c[of], 0);
  return { right: sum('right'), rounded: sum('rounded'), wrong: sum('wrong') };
}

export function meetsAims({ plants, nodeHits, causeHits, causesWrong, falseBlame, controls }: Totals): boolean {
  if (plants === 0 && controls === 0) return false;
  return (
    nodeHits >= AIMS.node * plants &&
    causeHits >= AIMS.cause * plants &&
    causesWrong <= AIMS.causesWrong &&
    falseBlame <= AIMS.falseBlame
  );
}
