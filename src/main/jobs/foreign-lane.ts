/** The lane `cmd:`: a program that is run for its dumps, as often as the search for its first bad node needs. */
import { assert } from '../../shared/base/assert';
import type { NodeId } from '../../shared/base/brand';
import { staged } from '../../shared/base/control';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { nmseOf } from '../../shared/compare/metrics';
import { COMPARE_MAX_NMSE, INHERITED_SUSPICION } from '../../shared/compare/tolerance';
import type { Candidate } from '../../shared/divergence/examine';
import type { ForeignCommand } from '../../shared/divergence/foreign-command';
import type { Checkpoint, Knowledge, SearchResult } from '../../shared/divergence/search';
import { searchFirstBad } from '../../shared/divergence/search';
import { isComputing, tensorOf } from '../../shared/graph/graph';
import { computingProducers } from '../../shared/graph/producers';
import type { AlignedTrace } from '../../shared/trace/alignment';
import type { ExpertOrders } from '../../shared/trace/expert-order';
import { expertOrders } from '../../shared/trace/expert-order';
import type { NameMap } from '../../shared/trace/name-map';
import { overlaid } from '../../shared/trace/overlay';
import type { TraceSource } from '../../shared/trace/trace';
import type { WeightView } from '../files/weight-view';
import { createReferenceLane } from '../lanes/reference-lane';
import { runForeignProgram } from '../lanes/foreign-program';
import { TraceFile } from '../traces/trace-file';
import type { CapturedStep, CaptureSession } from './capture-session';
import { Owned } from './owned';
import type { RunFolder } from './run-folder';
import type { Judged } from './step-judge';
import { StepJudge } from './step-judge';
import type { LaneStep, StepLane } from './step-lanes';
import { alignedStep, OwnStepLane } from './step-lanes';

/** How a foreign program is run. */
export interface ForeignOptions {
  /** Checkpoints per run while the search narrows down. */
  readonly checkpoints?: number;
  /** Milliseconds until a run is given up. */
  readonly timeoutMs?: number;
}

const CHECKPOINTS_PER_RUN = 8;
/** A scan wants every node: more of them per run cost disk, fewer cost runs. */
const CHECKPOINTS_PER_SCAN_RUN = 64;

export interface ForeignContext {
  readonly session: CaptureSession;
  readonly folder: RunFolder;
  readonly weights: WeightView;
  readonly control: JobControl;
  readonly map?: NameMap;
  readonly foreign?: ForeignOptions;
}

/** Its owner disposes it. */
export class ForeignLane implements StepLane {
  private readonly owned = new Owned();
  private readonly files: TraceFile[] = [];
  /** How the search went; undefined where the program dumps what it likes. */
  search: SearchResult | undefined;
  private distrusted: ReadonlySet<string> | undefined;
  private exact: TraceSource | undefined;

  constructor(
    private readonly command: ForeignCommand,
    private readonly context: ForeignContext,
  ) {}

  /** How often the program was run. */
  get runs(): number {
    return this.files.length;
  }

  /** The first run's dump, and the keys that it was asked for. */
  get firstDump(): TraceFile | undefined {
    return this.files[0];
  }

  async next(step: CapturedStep): Promise<LaneStep> {
    if (step.index > 0) {
      throw new QuarrelError('a cmd: lane runs the prompt only; give its decode steps as a dump (trace:FILE)');
    }
    if (this.command.takesCheckpoints) this.search = await this.narrowDown(step);
    else await this.run(step, []);
    return this.union(step);
  }

  /** Runs the program once more, as its first run was: does it give the same bits? */
  async runAgain(step: CapturedStep, name: string): Promise<TraceFile> {
    const keys = this.command.takesCheckpoints ? [...(this.firstDump?.entries.keys() ?? [])] : [];
    return this.dump(step, keys, name);
  }

  async dispose(): Promise<void> {
    await this.owned.dispose();
  }

  private async narrowDown(step: CapturedStep): Promise<SearchResult> {
    const { graph } = step;
    const producers = computingProducers(graph);
    const nodes = graph.order.filter((id) => isComputing(graph, tensorOf(graph, id)));
    const { checkpoints = CHECKPOINTS_PER_RUN } = this.context.foreign ?? {};
    return searchFirstBad(
      {
        nodes,
        sources: (node) => producers.get(node) ?? [],
        perRun: checkpoints,
        perScanRun: Math.max(checkpoints, CHECKPOINTS_PER_SCAN_RUN),
        throwIfCancelled: () => this.context.control.throwIfCancelled(),
      },
      async (wanted) => {
        await this.run(
          step,
          wanted.map((id) => tensorOf(graph, id).key),
        );
        return this.judgeAll(step);
      },
    );
  }

  private async run(step: CapturedStep, keys: readonly string[]): Promise<void> {
    this.files.push(await this.dump(step, keys, `run-${this.files.length + 1}`));
  }

  private async dump(step: CapturedStep, keys: readonly string[], name: string): Promise<TraceFile> {
    const { session, folder, control, foreign } = this.context;
    const out = folder.file(`${name}.safetensors`);
    const stage = staged(control, `${this.command.words[0] ?? ''}: ${name.replace('-', ' ')}`);
    stage.progress({ stage: '', done: 0, total: 1, detail: keys.length > 0 ? `${keys.length} checkpoints` : 'all' });
    const run = { model: session.model.path, tokens: step.tokens, out, checkpoints: keys };
    await runForeignProgram(this.command, run, stage, foreign?.timeoutMs);
    return this.owned.add(TraceFile.open(out));
  }

  private union(step: CapturedStep): LaneStep {
    return alignedStep(unionOf(this.files), step, this.context.map);
  }

  private async judgeAll(step: CapturedStep): Promise<Knowledge> {
    const { control } = this.context;
    const { aligned } = this.union(step);
    assert(aligned, 'a dump is aligned');
    if (aligned.entries.size === 0) return new Map();
    const stage = staged(control, `judge run ${this.runs}`);
    const experts = expertOrders(aligned, step.graph, step.captured);
    const { judged } = await new StepJudge({ ...this.context, control: stage }, () => candidateOf(aligned, experts)).at(
      0,
    );
    const bad = judged.some((j) => j.judgement.bad) ? await this.distrustedNodes(stage) : new Set<string>();
    const exact = await this.exactRun(step);
    const known = new Map<NodeId, Checkpoint>();
    for (const { node, judgement, stretch } of judged) {
      known.set(node.id, {
        bad: judgement.bad && !bad.has(node.key),
        stretch: stretch.map((s) => s.id),
        off: isOff(experts.inReferenceOrder, node.key, aligned.mask(node.key), [step.captured, exact]),
      });
    }
    return known;
  }

  /** Where the reference fails the same test, nobody is blamed. */
  private async distrustedNodes(control: JobControl): Promise<ReadonlySet<string>> {
    if (this.distrusted) return this.distrusted;
    const own = new StepJudge({ ...this.context, control }, ({ captured }) => ({
      seed: captured,
      results: captured,
      dtype: () => 'F32',
      mask: () => undefined,
    }));
    const { judged }: Judged = await own.at(0);
    this.distrusted = new Set(judged.filter((j) => j.judgement.bad).map((j) => j.node.key));
    return this.distrusted;
  }

  /** Two right runs, in llama.cpp's arithmetic and in exact one: an engine may stand near either. */
  private async exactRun(step: CapturedStep): Promise<TraceSource> {
    if (this.exact) return this.exact;
    const lane = this.owned.add(new OwnStepLane(createReferenceLane(), { ...this.context, name: 'exact' }));
    this.exact = (await lane.next(step)).trace;
    return this.exact;
  }
}

function candidateOf(aligned: AlignedTrace, { seeds }: ExpertOrders): Candidate {
  return {
    seed: overlaid(aligned, seeds),
    results: aligned,
    dtype: (key) => aligned.dtype(key),
    mask: (key) => aligned.mask(key),
  };
}

/** Whether the whole run stands far from every right one; undefined where that is not clear. */
function isOff(
  candidate: TraceSource,
  key: string,
  mask: Uint8Array | undefined,
  right: readonly TraceSource[],
): boolean | undefined {
  const values = candidate.readF32(key);
  const nearest = right.flatMap((trace) => (trace.entries.has(key) ? [nmseOf(trace.readF32(key), values, mask)] : []));
  const least = Math.min(...nearest.map((x) => (Number.isNaN(x) ? Infinity : x)));
  if (least > COMPARE_MAX_NMSE) return true;
  return least < INHERITED_SUSPICION ? false : undefined;
}

/** What several runs dumped, as one trace; a checkpoint of several is the first run's. */
function unionOf(files: readonly TraceFile[]): TraceSource {
  const [first] = files;
  assert(first, 'a program that was not run');
  const home = new Map<string, TraceFile>();
  for (const file of files) {
    for (const key of file.entries.keys()) if (!home.has(key)) home.set(key, file);
  }
  const at = (key: string): TraceFile => {
    const file = home.get(key);
    assert(file, `no run dumped ${key}`);
    return file;
  };
  return {
    label: first.label,
    engine: first.engine,
    tokens: first.tokens,
    manifest: undefined,
    declared: first.declared,
    unreadable: new Map(files.flatMap((file) => [...file.unreadable])),
    entries: new Map(
      [...home].flatMap(([key, file]) => {
        const entry = file.entries.get(key);
        return entry ? [[key, entry] as const] : [];
      }),
    ),
    readF32: (key) => at(key).readF32(key),
    readRaw: (key) => at(key).readRaw(key),
  };
}
