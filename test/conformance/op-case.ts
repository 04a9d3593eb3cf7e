import { expect } from 'vitest';
import { defined } from '../../src/shared/base/assert';
import type { SummedSource } from '../../src/shared/compare/cancellation';
import { nmseOf } from '../../src/shared/compare/metrics';
import { judgeNode } from '../../src/shared/divergence/judge';
import type { OpKind } from '../../src/shared/graph/ggml-op';
import { tensorOf } from '../../src/shared/graph/graph';
import type { Arithmetic } from '../../src/shared/ops/arithmetic';
import { executeGraph } from '../../src/shared/ops/executor';
import { createInlineEngine } from '../../src/shared/ops/mat-mul-engine';
import type { Runner } from '../gpu/gpu-fixture';
import { FREE, runOnGpu, silent } from '../gpu/gpu-fixture';
import type { LibraryRun, Tensor } from './ggml-bench';
import { GgmlBench } from './ggml-bench';

/** One op on one set of shapes, types and values; the same case runs on every lane. */
export interface OpCase {
  /** Of the judged op, as the registry names it. */
  readonly kind: OpKind;
  /** What is particular: `ragged rows`, `F16 mask, ALiBi`. */
  readonly name: string;
  /** Builds the graph; its result is judged. Ops without an own result (SET_ROWS) are read back through `ggml_cont`. */
  readonly build: (g: GgmlBench) => Tensor;
}

/** A family of cases: a file of `cases/`. */
export type OpCases = readonly OpCase[];

/** Runs the case on the real library and checks that it is the op it says. */
export function runLibrary(c: OpCase): LibraryRun {
  const run = GgmlBench.run(c.build);
  const kinds = run.graph.order.map((id) => run.graph.tensors[id]?.kind);
  expect(kinds, `${c.name}: ops of the graph`).toContain(c.kind);
  return run;
}

type Ways = ReadonlyMap<Arithmetic, Float32Array>;

interface ReferenceResult {
  readonly ways: Ways;
  /** A source of the judged node as it was read. */
  readonly source: (index: number) => Float32Array | undefined;
}

/** The CPU reference in both arithmetics; fails where it does not measure the node. */
export async function runReferences(run: LibraryRun): Promise<ReferenceResult> {
  const ways = new Map<Arithmetic, Float32Array>();
  const sources: (Float32Array | undefined)[] = [];
  const missing: string[] = [];
  await executeGraph(
    { graph: run.graph, weights: run.weights, captured: run.captured, mode: FREE, control: silent() },
    {
      arithmetics: ['exact', 'ggml'],
      engine: createInlineEngine(),
      onNode: ({ tensor, results, source }) => {
        if (tensor.id !== run.node.id) return;
        for (const arithmetic of ['exact', 'ggml'] as const) ways.set(arithmetic, results[arithmetic].slice());
        tensor.src.forEach((_, i) => sources.push(source(i, 'exact')));
      },
      onNotMeasured: (tensor, reason) => missing.push(`${tensor.key}: ${reason}`),
    },
  );
  expect(missing).toEqual([]);
  return { ways, source: (i) => sources[i] };
}

/** The library's result must be one of our correct ways, by the rule that judges every candidate. */
export async function checkReference(c: OpCase): Promise<void> {
  const run = runLibrary(c);
  const { ways, source } = await runReferences(run);
  judge(run, run.result, ways, [], source);
}

/** The kernel's result must be a correct way too: the reference's and the library's own count as such. */
export async function checkKernel(c: OpCase, lane: Runner): Promise<void> {
  const run = runLibrary(c);
  const { ways, source } = await runReferences(run);
  const { graph, weights, captured } = run;
  const sink = await runOnGpu(lane, { graph, weights, captured });
  expect(sink.missing).toEqual([]);
  if (run.result.length === 0) return; // nothing to compute, and nothing is delivered
  judge(run, sink.get(run.node.key), ways, [run.result], source);
}

function judge(
  run: LibraryRun,
  candidate: Float32Array,
  ways: Ways,
  more: readonly Float32Array[],
  source: ReferenceResult['source'],
): void {
  const exact = defined(ways.get('exact'), 'the exact result');
  expect(candidate.length).toBe(exact.length);
  const others = [...ways.values(), ...more].filter((way) => way !== exact);
  const evidence = { tensor: run.node, candidate, exact, others, dtype: 'F32' as const, stretchLength: 1 };
  const summed = (index: number): SummedSource | undefined => {
    const id = run.node.src[index];
    const values = source(index);
    return id !== undefined && values ? { ne: tensorOf(run.graph, id).ne, values } : undefined;
  };
  const judgement = judgeNode({ ...evidence, source: summed, maxPosition: MAX_POSITION });
  const { localNmse, noiseFloor, worst } = judgement;
  const distances = [exact, ...others].map((way) => nmseOf(way, candidate));
  expect(judgement.bad ? { ...judgement, localNmse, noiseFloor, worst, distances } : undefined).toBeUndefined();
}

/** Rope cases stay below. */
const MAX_POSITION = 4096;
