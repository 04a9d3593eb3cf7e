/** The CPU reference against llama.cpp itself: the same graph, node by node and as a whole. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureTrace } from '../../../src/main/capture/capture';
import { projectRoot } from '../../../src/main/entry-path';
import { openModel } from '../../../src/main/files/model-file';
import { runReference } from '../../../src/main/lanes/reference-run';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { defined } from '../../../src/shared/base/assert';
import { isComputing, tensorOf } from '../../../src/shared/graph/graph';
import type { Graph, GraphTensor } from '../../../src/shared/graph/graph';
import type { Arithmetic } from '../../../src/shared/ops/arithmetic';
import type { ExecutionMode } from '../../../src/shared/ops/executor';
import type { NotMeasured } from '../../../src/shared/trace/trace';
import { SMOLLM2 } from '../../helpers/shared-models';
import { silent, temporaryFolder } from '../capture/capture-fixture';

const SHARED = path.join(projectRoot(), '..', 'shared');
const ARCH_TOKENS = [1, 17, 5, 99, 42, 7];
const arch = (name: string): string => path.join(SHARED, 'models', 'archs', `${name}.gguf`);

interface Model {
  readonly name: string;
  readonly path: string;
  readonly tokens: readonly number[];
}
const archs: readonly Model[] = ['llama-dense', 'qwen2-dense', 'qwen3-dense', 'gemma-dense', 'phi3-dense'].map(
  (name) => ({
    name,
    path: arch(`${name}.Q4_K_M`),
    tokens: ARCH_TOKENS,
  }),
);
const others: readonly Model[] = [
  { name: 'gpt2-dense', path: arch('gpt2-dense.Q4_K_M'), tokens: ARCH_TOKENS },
  { name: 'falcon-dense', path: arch('falcon-dense.Q4_K_M'), tokens: ARCH_TOKENS },
  { name: 'gemma2-dense in F32', path: arch('gemma2-dense.F32'), tokens: ARCH_TOKENS },
  { name: 'sample', path: path.join(SHARED, 'traces', 'sample.Q4_K_M.gguf'), tokens: [1, 7, 300, 21, 5] },
];
const smollm2: Model = { name: 'SmolLM2', path: SMOLLM2, tokens: [504, 3575, 282, 4649, 314] };

/** Everything that is no mat-mul: f32 rounding and llama.cpp's own exp. Measured: at most 1.1e-14. */
const OP_NMSE = 1e-13;
/** f32 sums in SIMD order against f64 sums. Measured: at most 3.3e-13, in SmolLM2's `Vcur-12`. */
const MAT_MUL_NMSE = 1e-12;
/** Builds without AVX2 round Q8_0 and Q8_1 activations otherwise (quant/activations.ts). Measured: at most 1.1e-6. */
const OTHER_ROUNDING_NMSE = 1e-5;

function nmse(values: Float32Array, reference: Float32Array): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < reference.length; i++) {
    const [v, r] = [values[i]!, reference[i]!];
    if (Object.is(v, r)) continue;
    error += (v - r) ** 2;
  }
  for (const r of reference) energy += r * r;
  return error === 0 ? 0 : error / energy;
}

interface Capture {
  readonly trace: TraceFile;
  readonly graph: Graph;
  /** Whether llama.cpp ran the code whose rounding the reference mirrors. */
  readonly avx2: boolean;
}

const folder = temporaryFolder();
const captures = new Map<string, Promise<Capture>>();

/** llama.cpp's run of a model; one thread, since others of the suite want the cores too. */
function captureOf(model: Model): Promise<Capture> {
  const known = captures.get(model.name);
  if (known) return known;
  const out = path.join(folder, `${model.name}.safetensors`);
  const made = captureTrace({ modelPath: model.path, tokens: model.tokens, threads: 1, out }, silent()).then(
    ({ graph, provenance }) => ({
      graph,
      trace: TraceFile.open(out),
      avx2: provenance['features']?.includes('AVX2 = 1') ?? false,
    }),
  );
  captures.set(model.name, made);
  return made;
}

afterAll(async () => {
  for (const capture of captures.values()) (await capture).trace.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Runs the reference; gives the nodes that it did not measure. */
async function run<A extends Arithmetic>(
  model: Model,
  { trace, graph }: Capture,
  mode: ExecutionMode,
  arithmetics: readonly A[],
  onNode: (t: GraphTensor, results: Readonly<Record<A, Float32Array>>) => void,
): Promise<readonly NotMeasured[]> {
  const weights = openModel(model.path);
  try {
    return await runReference(
      { graph, weights, captured: trace, mode, control: silent() },
      { arithmetics, onNode: ({ tensor, results }) => onNode(tensor, results) },
    );
  } finally {
    weights.dispose();
  }
}

/** `result_output` of a free run in exact arithmetic, and llama.cpp's. */
async function freeLogits(model: Model): Promise<{ ours: Float32Array; theirs: Float32Array }> {
  const capture = await captureOf(model);
  const found: { ours: Float32Array; theirs: Float32Array }[] = [];
  await run(model, capture, { kind: 'free' }, ['exact'], (t, { exact }) => {
    if (t.name === 'result_output') found.push({ ours: exact, theirs: capture.trace.readF32(t.key) });
  });
  return defined(found.at(-1), 'result_output');
}

const withModels = describe.skipIf(!fs.existsSync(SHARED));

withModels('every node on llama.cpp’s own inputs', () => {
  it.each([...archs, ...others, smollm2])('agrees in ggml arithmetic: $name', { timeout: 60_000 }, async (model) => {
    const capture = await captureOf(model);
    const { trace, graph, avx2 } = capture;
    const matMul = avx2 ? MAT_MUL_NMSE : OTHER_ROUNDING_NMSE;
    const seen: string[] = [];
    const wrong: string[] = [];
    const missing = await run(model, capture, { kind: 'seeded', seed: trace }, ['ggml'], (t, { ggml }) => {
      seen.push(t.key);
      const distance = nmse(ggml, trace.readF32(t.key));
      if (!(distance <= (t.kind === 'MUL_MAT' ? matMul : OP_NMSE))) wrong.push(`${t.key} ${t.kind} ${distance}`);
    });
    expect(wrong).toEqual([]);
    expect(missing).toEqual([]);
    const computing = graph.order.map((id) => tensorOf(graph, id)).filter((t) => isComputing(graph, t));
    expect(seen).toEqual(computing.map((t) => t.key));
  });
});

withModels('a free run in exact arithmetic', () => {
  it.each(archs)('ends within 5e-4 of llama.cpp: $name', { timeout: 60_000 }, async (model) => {
    const { ours, theirs } = await freeLogits(model);
    expect(nmse(ours, theirs)).toBeLessThan(5e-4);
  });

  it('says " Paris" on SmolLM2, with a logit near llama.cpp’s 17.344', { timeout: 60_000 }, async () => {
    const { ours } = await freeLogits(smollm2);
    const row = ours.subarray(ours.length - ours.length / smollm2.tokens.length);
    const best = row.reduce((at, logit, i) => (logit > row[at]! ? i : at), 0);
    expect(best).toBe(7042);
    expect(Math.abs(row[best]! - 17.344)).toBeLessThan(0.3);
  });
});
