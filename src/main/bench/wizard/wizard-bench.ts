/** The planted-bug benchmark: every catalogue bug planted in turn, and as many right candidates. */
import { QuarrelError } from '../../../shared/base/errors';
import type { JobControl } from '../../../shared/base/progress';
import type { Engines } from '../../jobs/produce-trace';
import { BenchRun } from './bench-run';
import { controlKinds, runControl } from './controls';
import type { ControlKind } from './controls';
import { Random } from './random';
import { runPlant } from './run-plant';
import type { ControlResult, PlantResult, Skipped, WizardBench } from './score';
import { totalsOf } from './score';
import { PLANTS } from './plants';
import type { Plant } from './plants';

/** Controls of a whole run: three seeds have more than 400. */
const LEAST_CONTROLS = 200;

/** Every `of`-th run, from the `index`-th (from 1) on: for several machines or processes. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

export interface WizardBenchOptions {
  readonly seed: number;
  /** About a dozen plants and as many controls. */
  readonly reduced: boolean;
  /** Only plants and controls whose name contains this. */
  readonly only?: string;
  /** Only bugs, or only right candidates; both when absent. */
  readonly part?: 'plants' | 'controls';
  /** Why webgpu cannot run; undefined where it can. */
  readonly noGpu?: string;
  /** Folder of a llama.cpp build with Vulkan, for right candidates. */
  readonly vulkan?: string;
  readonly shard?: Shard;
}

interface Task {
  readonly name: string;
  readonly row: number;
  readonly run: () => Promise<PlantResult | ControlResult | undefined>;
}

export async function benchWizard(
  options: WizardBenchOptions,
  engines: Engines,
  control: JobControl,
  onResult: (result: PlantResult | ControlResult | Skipped) => void = () => undefined,
): Promise<WizardBench> {
  const run = new BenchRun(options.seed, engines, control, options.reduced);
  const plants: PlantResult[] = [];
  const controls: ControlResult[] = [];
  const skipped: Skipped[] = [];
  try {
    const all = options.part === 'controls' ? [] : [...plantTasks(run, options, skipped)];
    if (options.part !== 'plants') all.push(...controlTasks(run, options));
    const { index, of } = options.shard ?? { index: 1, of: 1 };
    const tasks = all.filter((_, i) => i % of === index - 1);
    for (const [done, task] of tasks.entries()) {
      control.progress({ stage: 'planted bugs', done, total: tasks.length, detail: task.name });
      const entry = await resultOf(task);
      if ('planted' in entry) plants.push(entry);
      else if ('clean' in entry) controls.push(entry);
      else skipped.push(entry);
      onResult(entry);
    }
  } finally {
    await run.dispose();
  }
  return benchOf([options.seed], { plants, controls, skipped });
}

/** The runs of several shards, or seeds, as one benchmark. */
export function mergedBench(parts: readonly WizardBench[]): WizardBench {
  const seeds = [...new Set(parts.flatMap((p) => p.seeds))].sort((a, b) => a - b);
  return benchOf(seeds, {
    plants: parts.flatMap((p) => p.plants),
    controls: parts.flatMap((p) => p.controls),
    // all shards of a seed skip the same plants
    skipped: [...new Map(parts.flatMap((p) => p.skipped).map((s) => [`${s.name} ${s.reason}`, s])).values()],
  });
}

function benchOf(seeds: readonly number[], runs: Pick<WizardBench, 'plants' | 'controls' | 'skipped'>): WizardBench {
  return { seeds, ...runs, totals: totalsOf(runs.plants, runs.controls) };
}

function* plantTasks(run: BenchRun, options: WizardBenchOptions, skipped: Skipped[]): Generator<Task> {
  for (const plant of PLANTS) {
    if (options.only !== undefined && !plant.name.includes(options.only)) continue;
    if (options.reduced && !plant.reduced) continue;
    const reason = whySkipped(run, plant, options);
    if (reason !== undefined) {
      skipped.push({ name: plant.name, row: plant.row, reason });
      continue;
    }
    for (const [i, model] of modelsFor(run, plant, options).entries()) {
      const name = `${plant.name} in ${model}`;
      yield { name, row: plant.row, run: () => runPlant(run, plant, model, i) };
    }
  }
}

function whySkipped(run: BenchRun, plant: Plant, { noGpu }: WizardBenchOptions): string | undefined {
  if (plant.kind === 'kernel' && noGpu !== undefined) return noGpu;
  if (!plant.models.some((name) => run.models.has(name))) return `needs ${plant.models.join(' or ')}`;
  return undefined;
}

/** As many different models as there are instances, then the same again. */
function modelsFor(run: BenchRun, plant: Plant, { seed, reduced }: WizardBenchOptions): string[] {
  const present = plant.models.filter((name) => run.models.has(name));
  const order = reduced ? present : Random.named(seed, `models of ${plant.name}`).sample(present, present.length);
  const count = reduced ? 1 : (plant.instances ?? 1);
  return Array.from({ length: count }, (_, i) => order[i % order.length] as string);
}

/** Every kind on some model, then on others. */
function controlTasks(run: BenchRun, options: WizardBenchOptions): Task[] {
  const { reduced, only } = options;
  const kinds = controlKinds(options.noGpu === undefined, options.vulkan).filter(
    (kind) => (only === undefined || kind.name.includes(only)) && (!reduced || kind.reduced),
  );
  const rounds = reduced || kinds.length === 0 ? 1 : Math.ceil(LEAST_CONTROLS / kinds.length);
  const orders = kinds.map((kind) => ({ kind, models: modelsOf(run, kind, options) }));
  return Array.from({ length: rounds }, (_, round) =>
    orders.flatMap(({ kind, models }) => {
      const model = models[round];
      return model === undefined ? [] : [controlTask(run, kind, model)];
    }),
  ).flat();
}

function modelsOf(run: BenchRun, kind: ControlKind, { seed, reduced }: WizardBenchOptions): string[] {
  const { name, except = [], only } = kind;
  const present = run.models.names.filter((m) => run.models.has(m) && !except.includes(m) && (only?.test(m) ?? true));
  // A large model in a few of the controls only.
  const order = Random.named(seed, `models of ${name}`).sample(present, present.length);
  return reduced ? order.filter((model) => model !== 'smollm2') : order;
}

function controlTask(run: BenchRun, kind: ControlKind, model: string): Task {
  const name = `${kind.name} on ${model}`;
  return { name, row: 0, run: () => runControl(run, kind, model) };
}

async function resultOf({ run, name, row }: Task): Promise<PlantResult | ControlResult | Skipped> {
  try {
    return (await run()) ?? { name, row, reason: 'the model has no place for it' };
  } catch (error) {
    if (error instanceof QuarrelError) return { name, row, reason: error.message };
    throw error;
  }
}
