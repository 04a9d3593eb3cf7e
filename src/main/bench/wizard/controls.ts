/** Candidates that are right, each different from llama.cpp's own run in a way that is allowed. */
import fs from 'node:fs';
import path from 'node:path';
import { defined } from '../../../shared/base/assert';
import type { LlamaOptions } from '../../../shared/divergence/llama-options';
import type { Graph } from '../../../shared/graph/graph';
import { isComputing } from '../../../shared/graph/graph';
import { withWideCaches } from '../../../shared/graph/wide-caches';
import { captureTrace } from '../../capture/capture';
import { locateLibrary } from '../../capture/library-files';
import type { BenchRun, OpenModel } from './bench-run';
import { drawStyle } from './dump-style';
import type { DumpStyle } from './engine-run';
import { runEngine } from './engine-run';
import type { Mutation } from './plant';
import { Random } from './random';
import type { ControlResult } from './score';
import { SUM_ORDERS } from './sum-orders';

/** One way to be right. */
export interface ControlKind {
  readonly name: string;
  /** Models that it does not run on. */
  readonly except?: readonly string[];
  /** Runs it; undefined where it cannot be had here. */
  run(run: BenchRun, opened: OpenModel, random: Random): Promise<ControlOutcome | undefined>;
}

interface ControlOutcome {
  readonly verdict: Awaited<ReturnType<BenchRun['bisect']>>;
  readonly note: string;
}

function dump(name: string, styleOf: (graph: Graph, random: Random) => DumpStyle): ControlKind {
  return {
    name,
    run: async (run, opened, random) => {
      const style = styleOf(defined(opened.steps[0], 'the prompt').graph, random);
      return { verdict: await bisectDump(run, opened, style), note: style.note };
    },
  };
}

async function bisectDump(
  run: BenchRun,
  opened: OpenModel,
  style: DumpStyle,
  mutationOf: (kind: string) => Mutation | undefined = () => undefined,
  graphOf: (graph: Graph) => Graph = (graph) => graph,
): Promise<ControlOutcome['verdict']> {
  const out = run.file('control.safetensors');
  await runEngine({
    model: opened.model.path,
    weights: opened.weights,
    steps: opened.steps.map(({ graph, captured, tokens }) => ({ graph: graphOf(graph), captured, tokens })),
    mutationOf: (node) => mutationOf(node.kind),
    style,
    out,
    control: run.quiet(),
  });
  const verdict = await run.bisect(opened, `trace:${out}`);
  fs.rmSync(out);
  return verdict;
}

const whole =
  (arithmetic: DumpStyle['arithmetic'], dtype: DumpStyle['dtype'], note: string) =>
  (graph: Graph): DumpStyle => ({ arithmetic, dtype, note, keeps: (n) => isComputing(graph, n) });

/** Mat-muls whose sums go in another order. */
function summed(
  name: keyof typeof SUM_ORDERS,
  declared?: DumpStyle['metadata'],
  except: readonly string[] = [],
): ControlKind {
  return {
    name: `sums: ${name}`,
    except,
    run: async (run, opened) => {
      const { graph } = defined(opened.steps[0], 'the prompt');
      const style = { ...whole('exact', 'F32', 'f32')(graph), ...(declared ? { metadata: declared } : {}) };
      const mutation = SUM_ORDERS[name];
      const verdict = await bisectDump(run, opened, style, (kind) => (kind === 'MUL_MAT' ? mutation : undefined));
      return { verdict, note: declared ? 'declared' : 'f32' };
    },
  };
}

function lane(name: string, candidate: string, more: { reference?: string; threads?: number } = {}): ControlKind {
  return {
    name,
    run: async (run, opened) => ({ verdict: await run.bisect(opened, candidate, more), note: candidate }),
  };
}

/** An f32 engine that does not round what it caches. */
const WIDE_CACHE: ControlKind = {
  name: 'f32 KV cache',
  run: async (run, opened, random) => {
    const { graph } = defined(opened.steps[0], 'the prompt');
    const style = { ...drawStyle(random, graph), arithmetic: 'exact', dtype: 'F32' } as const;
    const wide = (narrow: Graph): Graph => withWideCaches(narrow) ?? narrow;
    return { verdict: await bisectDump(run, opened, style, () => undefined, wide), note: style.note };
  },
};

/** llama.cpp itself, run in another way that is right. */
function captured(name: string, options: LlamaOptions): ControlKind {
  return {
    name,
    run: async (run, { model, ...opened }) => {
      const out = run.file('control.safetensors');
      await captureTrace({ modelPath: model.path, tokens: model.tokens, out, options }, run.quiet());
      const verdict = await run.bisect({ model, ...opened }, `trace:${out}`);
      fs.rmSync(out);
      return { verdict, note: Object.keys(options).join(', ') };
    },
  };
}

/** The same build with one of its other CPU variants, one that every x64 processor can run. */
const CPU_VARIANT: ControlKind = {
  name: 'another CPU variant',
  run: async (run, opened, random) => {
    const { dir } = locateLibrary();
    const variants = fs.readdirSync(dir).filter((file) => /cpu-(x64|sse42)\./.test(file));
    if (variants.length === 0) return undefined;
    const variant = random.pick(variants);
    const folder = run.file(path.parse(variant).name);
    fs.mkdirSync(folder);
    for (const file of fs.readdirSync(dir)) {
      if (file === variant || !file.includes('ggml-cpu'))
        fs.copyFileSync(path.join(dir, file), path.join(folder, file));
    }
    return { verdict: await run.bisect(opened, `llama@${folder}`), note: variant };
  },
};

export const CONTROLS: readonly ControlKind[] = [
  dump('f32 engine', whole('exact', 'F32', 'f32')),
  dump('f16 engine', whole('f16', 'F16', 'f16')),
  dump('bf16 engine', whole('bf16', 'BF16', 'bf16')),
  dump('Q8 activations', whole('ggml', 'F32', 'Q8 activations')),
  dump('some nodes', (graph, random) => drawStyle(random, graph)),
  lane('reference lane', 'reference'),
  lane('threads', 'llama', { threads: 2 }),
  ...(['in turn', 'pairwise', '8 lanes'] as const).map((name) => summed(name)),
  // its scores are beyond f16
  summed('f16 chunks', { accumulation: 'F16' }, ['made-loud']),
  captured('flash attention', { flashAttention: true }),
  captured('repacked weights', { repack: true }),
  CPU_VARIANT,
  WIDE_CACHE,
];

export const WEBGPU_CONTROL: ControlKind = lane('webgpu', 'webgpu');

export async function runControl(
  run: BenchRun,
  kind: ControlKind,
  modelName: string,
): Promise<ControlResult | undefined> {
  const opened = await run.capture(modelName);
  const begin = performance.now();
  const outcome = await kind.run(run, opened, Random.named(run.seed, `${kind.name} ${modelName}`));
  if (!outcome) return undefined;
  const { verdict, note } = outcome;
  return {
    name: kind.name,
    model: modelName,
    note,
    clean: verdict.verdict === 'clean',
    compared: verdict.compared,
    blamed: verdict.allBad.map(({ node }) => node),
    seconds: (performance.now() - begin) / 1000,
  };
}
