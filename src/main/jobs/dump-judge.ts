import type { NodeId } from '../../shared/base/brand';
import { defined } from '../../shared/base/assert';
import type { Candidate, JudgedNode } from '../../shared/divergence/examine';
import { declaredCaches } from '../../shared/diagnosis/rounding/declared-caches';
import { chooseForm, errorsOf } from '../../shared/divergence/function-form';
import type { MovedScales } from '../../shared/divergence/moved-scales';
import { proposeScales, provenScales, scaleNotes } from '../../shared/divergence/moved-scales';
import type { GeluForm } from '../../shared/graph/gelu-forms';
import { GELU_FORMS, geluNodes, withGeluForm } from '../../shared/graph/gelu-forms';
import type { Graph } from '../../shared/graph/graph';
import { tensorOf } from '../../shared/graph/graph';
import { withWideCaches } from '../../shared/graph/wide-caches';
import type { Replacement } from '../../shared/trace/overlay';
import { overlaid } from '../../shared/trace/overlay';
import type { TraceSource } from '../../shared/trace/trace';
import type { CapturedStep } from './capture-session';
import type { JudgeContext, Judged } from './step-judge';
import { StepJudge } from './step-judge';

type CandidateAt = (step: CapturedStep) => Candidate;

/** What an engine does otherwise than llama.cpp without being wrong. */
interface Conventions {
  /** Forms of GELU that stand for others. */
  readonly gelu: ReadonlyMap<GeluForm, GeluForm>;
  /** Scales that it applies elsewhere, by step; those of the last step hold for later ones until told otherwise. */
  readonly scales: readonly MovedScales[];
}

const LLAMAS: Conventions = { gelu: new Map(), scales: [] };

/**
 * Judges somebody else's results, by the conventions that they show: the form of GELU and the places of scales are told
 * from all nodes, and then every node is judged by them. See `ConventionJudge` for the precision of caches.
 */
export class DumpJudge {
  private conventions = LLAMAS;
  private judge: ConventionJudge;
  private readonly formsKnown = new Set<GeluForm>();
  private readonly told: string[] = [];
  /** Nodes that compute a function in another form than the rest of them. */
  private readonly odd = new Map<string, string>();

  constructor(
    private readonly context: JudgeContext,
    private readonly candidateAt: CandidateAt,
  ) {
    this.judge = new ConventionJudge(context, candidateAt, LLAMAS);
  }

  async at(index: number): Promise<Judged> {
    for (const form of GELU_FORMS) await this.tellGelu(index, form);
    const examined = await this.tellScales(index, await this.judge.at(index));
    if (this.odd.size === 0) return examined;
    return { ...examined, judged: examined.judged.map((j) => this.withOdd(j)) };
  }

  /** What to say of the conventions that the results show at a step. */
  notesAt(index: number): readonly string[] {
    return [...this.told, ...scaleNotes(scalesAt(this.conventions, index))];
  }

  /** Results with the graph's own scales, to be compared with it. */
  asInGraph(step: CapturedStep, results: TraceSource): TraceSource {
    return unscaled(results, step.graph, scalesAt(this.conventions, step.index));
  }

  /** Runs the nodes that show GELU in each form; the nearest one counts, if the engine has it everywhere. */
  private async tellGelu(index: number, from: GeluForm): Promise<void> {
    const { graph } = defined(this.context.session.steps[index], `step ${index}`);
    if (this.formsKnown.has(from)) return;
    const shown = new Set<number>(geluNodes(graph, from).map((t) => t.id));
    if (shown.size === 0) return;
    const { judged } = await this.judge.at(index);
    const own = errorsOf(from, shown, judged);
    if (own.errors.size === 0) return;
    this.formsKnown.add(from);
    const keys = new Set(
      judged.flatMap((j) => (own.errors.has(j.node.key) ? [j.node, ...j.stretch].map((t) => t.key) : [])),
    );
    const select = (g: Graph): ReadonlySet<NodeId> => new Set(g.order.filter((id) => keys.has(tensorOf(g, id).key)));
    const others = [];
    for (const form of GELU_FORMS) {
      if (form === from) continue;
      const readAs = (g: Graph): Graph => withGeluForm(g, from, form);
      const judge = new StepJudge({ ...this.context, select, readAs }, this.candidateAt);
      others.push(errorsOf(form, shown, (await judge.at(index)).judged));
    }
    const { form, odd } = chooseForm(own, others);
    for (const [key, other] of odd)
      this.odd.set(key, `GELU is computed by its ${other} form here, by ${from} elsewhere`);
    if (form === from) return;
    this.told.push(
      `GELU is computed by its ${form} form wherever it shows (${own.errors.size} nodes), where llama.cpp has ${from}: ` +
        'both are in use, and every node is judged by that of the dump',
    );
    this.change({ ...this.conventions, gelu: new Map([...this.conventions.gelu, [from, form]]) });
  }

  private withOdd(j: JudgedNode): JudgedNode {
    const why = this.odd.get(j.node.key);
    return why === undefined ? j : { ...j, judgement: { ...j.judgement, bad: true, why } };
  }

  /** Where nodes are off by one factor that is a scale of the graph: are all right with it taken out? */
  private async tellScales(index: number, examined: Judged): Promise<Judged> {
    const { graph } = examined.evidence;
    const more = proposeScales(graph, examined.judged);
    if (more.size === 0) return examined;
    const before = scalesAt(this.conventions, index);
    const trial = (found: MovedScales): Conventions => {
      const scales = Array.from({ length: index }, (_, i) => scalesAt(this.conventions, i));
      return { ...this.conventions, scales: [...scales, joined(before, found)] };
    };
    const tried = new ConventionJudge(this.context, this.candidateAt, trial(more));
    const after = await tried.at(index);
    const proven = provenScales(graph, more, examined.judged, after.judged);
    if (proven.size === 0) return examined;
    this.change(trial(proven), proven.size === more.size ? tried : undefined);
    return this.judge.at(index);
  }

  private change(conventions: Conventions, judge?: ConventionJudge): void {
    this.conventions = conventions;
    this.judge = judge ?? new ConventionJudge(this.context, this.candidateAt, conventions);
  }
}

function scalesAt({ scales }: Conventions, index: number): MovedScales {
  return scales[Math.min(index, scales.length - 1)] ?? new Map();
}

/** Factors on top of those that were taken out before. */
function joined(before: MovedScales, more: MovedScales): MovedScales {
  const all = new Map(before);
  for (const [key, { factor, scale }] of more) {
    const whole = factor * (before.get(key)?.factor ?? 1);
    if (Math.abs(whole - 1) < 1e-6) all.delete(key);
    else all.set(key, { factor: whole, scale });
  }
  return all;
}

function unscaled(trace: TraceSource, graph: Graph, scales: MovedScales): TraceSource {
  const changes = new Map<string, Replacement>();
  for (const id of scales.size === 0 ? [] : graph.order) {
    const node = tensorOf(graph, id);
    const moved = scales.get(node.key);
    if (!moved || !trace.entries.has(node.key)) continue;
    changes.set(node.key, { node, read: () => trace.readF32(node.key).map((v) => v / moved.factor) });
  }
  return overlaid(trace, changes);
}

/**
 * Judges by given conventions. llama.cpp rounds keys and values to f16 when it caches them; an engine that keeps them
 * in f32 is as right. So a node behind a cache is bad only if it is under both. What an engine that says to hold them in
 * another type than f16 makes of them, it makes of f32.
 */
class ConventionJudge {
  private readonly narrow: StepJudge;
  private readonly wide: StepJudge;

  constructor(context: JudgeContext, candidateAt: CandidateAt, conventions: Conventions) {
    const readAs = (graph: Graph): Graph =>
      [...conventions.gelu].reduce((g, [from, to]) => withGeluForm(g, from, to), graph);
    const wider = (graph: Graph): Graph => {
      const read = readAs(graph);
      return withWideCaches(read) ?? read;
    };
    const converted: CandidateAt = (step) => {
      const candidate = candidateAt(step);
      const scales = scalesAt(conventions, step.index);
      if (scales.size === 0) return candidate;
      const [seed, results] = [candidate.seed, candidate.results].map((t) => unscaled(t, step.graph, scales));
      return { ...candidate, seed: defined(seed, 'seed'), results: defined(results, 'results') };
    };
    this.narrow = new StepJudge({ ...context, readAs }, converted);
    this.wide = new StepJudge({ ...context, readAs: wider }, converted);
  }

  /** The one that the engine does not show runs only where a node behind a cache is bad by the other. */
  async at(index: number): Promise<Judged> {
    const narrow = await this.narrow.at(index);
    if (!narrow.judged.some(isBadBehindCache)) return narrow;
    const wide = await this.wide.at(index);
    const says = declaredCaches(narrow.evidence.candidate.results.manifest?.graph);
    const isNarrow = [says.keys, says.values].every((type) => type === undefined || type === 'F16');
    const [examined, otherwise] = isNarrow ? [narrow, wide] : [wide, narrow];
    const others = new Map(otherwise.judged.map((j) => [j.node.key, j]));
    return {
      ...examined,
      judged: examined.judged.map((j) => {
        const other = others.get(j.node.key);
        return isBadBehindCache(j) && other?.judgement.bad === false ? other : j;
      }),
    };
  }
}

function isBadBehindCache({ judgement, writes }: JudgedNode): boolean {
  return judgement.bad && writes.length > 0;
}
