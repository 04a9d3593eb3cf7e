import type { JobControl } from '../../shared/base/progress';
import type { ReferenceRun } from '../../shared/divergence/examine';
import type { WeightSource } from '../../shared/gguf/model-source';
import type { Arithmetic } from '../../shared/ops/arithmetic';
import type { ExecutionOptions, ExecutionRequest } from '../../shared/ops/executor';
import { executeGraph } from '../../shared/ops/executor';
import type { NotMeasured } from '../../shared/trace/trace';
import { ModelFile } from '../files/model-file';
import type { WeightHandle } from '../files/weight-view';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import { WorkerEngine } from './reference-engine';

/** Runs `use` with an engine whose workers read `weights`; the job's cancellation stops them. */
export async function withEngine<T>(
  weights: WeightSource,
  control: JobControl,
  threads: number | undefined,
  use: (engine: WorkerEngine) => Promise<T>,
): Promise<T> {
  const engine = new WorkerEngine({ weights: handleOf(weights), ...(threads === undefined ? {} : { threads }) });
  const unsubscribe = control.onCancel(() => engine.stop());
  try {
    return await use(engine);
  } finally {
    unsubscribe();
    await engine.dispose();
  }
}

/** What worker threads need to read the same weights; undefined for weights that lie in this thread's memory. */
function handleOf(weights: WeightSource): WeightHandle | undefined {
  if (weights instanceof WeightView) return weights.handle();
  return weights instanceof ModelFile ? { model: weights.handle(), access: PLAIN_ACCESS } : undefined;
}

/**
 * Runs the graph in several arithmetics in one pass: weights are decoded once for all, nothing is written.
 * @returns the nodes that could not be computed, with reasons
 */
export async function runReference<A extends Arithmetic>(
  request: ExecutionRequest,
  options: Pick<ExecutionOptions<A>, 'arithmetics' | 'merge' | 'onNode'> & { readonly threads?: number },
): Promise<readonly NotMeasured[]> {
  const notMeasured: NotMeasured[] = [];
  await withEngine(request.weights, request.control, options.threads, (engine) =>
    executeGraph(request, {
      ...options,
      engine,
      onNotMeasured: (tensor, reason) => notMeasured.push({ node: tensor.key, op: tensor.kind, reason }),
    }),
  );
  return notMeasured;
}

/** The judge's run: every node on the seed's values. */
export const referenceRun: ReferenceRun = ({ seed, arithmetics, ...request }, onNode) =>
  runReference(
    { ...request, mode: { kind: 'seeded', seed } },
    {
      arithmetics,
      onNode: ({ tensor, results, source }) =>
        onNode(tensor, new Map(arithmetics.map((a) => [a, results[a]])), (index) => source(index, 'exact')),
    },
  );
