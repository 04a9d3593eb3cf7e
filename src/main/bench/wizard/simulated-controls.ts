/** Right engines that the benchmark plays: other precisions, orders and formulas, and dumps of other forms. */
import fs from 'node:fs';
import { defined } from '../../../shared/base/assert';
import type { Verdict } from '../../../shared/divergence/verdict';
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { isComputing } from '../../../shared/graph/graph';
import { withWideCaches } from '../../../shared/graph/wide-caches';
import type { TraceSource } from '../../../shared/trace/trace';
import type { BenchRun, OpenModel } from './bench-run';
import type { ControlKind } from './controls';
import { DOTS } from './dots';
import { otherExperts, foldedScales, fused, lastRows } from './dump-forms';
import { drawStyle, layerEnds, styleOf, wholeStyle } from './dump-style';
import type { EngineKind } from './engine-kinds';
import { ENGINES } from './engine-kinds';
import type { DumpStyle } from './engine-run';
import { runEngine } from './engine-run';
import { BEYOND_F16 } from './models';
import type { Mutation } from './plant';
import { RECURRENT } from './real-controls';
import type { Random } from './random';

interface Played {
  readonly style: DumpStyle;
  readonly mutationOf?: (node: GraphTensor) => Mutation | undefined;
  readonly graphOf?: (graph: Graph) => Graph;
}

type Options = Pick<ControlKind, 'except' | 'only' | 'reduced' | 'steps'>;

/** @param play undefined where the model has no place for it */
function played(
  name: string,
  play: (graph: Graph, random: Random, captured: TraceSource) => Played | undefined,
  options: Options = {},
): ControlKind {
  return {
    ...{ name, group: 'simulated', ...options },
    run: async (run, opened, random) => {
      const { graph, captured } = defined(opened.steps[0], 'the prompt');
      const how = play(graph, random, captured);
      return how && { verdict: await bisectDump(run, opened, how), note: how.style.note };
    },
  };
}

async function bisectDump(run: BenchRun, opened: OpenModel, played: Played): Promise<Verdict> {
  const { style, mutationOf = () => undefined, graphOf = (graph: Graph) => graph } = played;
  const out = run.file('control.safetensors');
  await runEngine({
    model: opened.model.path,
    weights: opened.weights,
    steps: opened.steps.map(({ graph, captured, tokens }) => ({ graph: graphOf(graph), captured, tokens })),
    ...{ mutationOf, style, out, control: run.quiet() },
  });
  const verdict = await run.bisect(opened, `trace:${out}`);
  fs.rmSync(out);
  return verdict;
}

const engine = (name: string, kind: EngineKind, options: Options = {}): ControlKind =>
  played(name, (graph) => ({ style: wholeStyle(kind, graph) }), options);

const wide = (graph: Graph): Graph => withWideCaches(graph) ?? graph;

/** An engine whose cache is of its own type: nothing of llama.cpp's f16 is in it. */
const cache = (name: string, kind: EngineKind, options: Options = {}): ControlKind =>
  played(name, (graph) => ({ style: wholeStyle(kind, graph), graphOf: wide }), {
    ...{ steps: 1, except: RECURRENT },
    ...options,
  });

/** Mat-muls whose sums go in another order, in f32. */
const summed = (order: keyof typeof DOTS, options: Options = {}): ControlKind =>
  engine(`sums: ${order}`, { ...ENGINES.f32, name: 'f32', rounds: { dot: DOTS[order] } }, options);

/** An engine drawn anew each time, whose dump has another form. */
const formed = (
  name: string,
  form: (graph: Graph, random: Random, captured: TraceSource) => Partial<DumpStyle> | undefined,
  options: Options = {},
): ControlKind =>
  played(
    name,
    (graph, random, captured) => {
      const { note, ...style } = wholeStyle(random.pick([ENGINES.f32, ENGINES.f32, ENGINES.f16, ENGINES.bf16]), graph);
      const other = form(graph, random, captured);
      return (
        other && { style: { ...style, ...other, note: other.note === undefined ? note : `${note}, ${other.note}` } }
      );
    },
    options,
  );

export const SIMULATED: readonly ControlKind[] = [
  engine('f32 engine', ENGINES.f32),
  engine('f16 engine', ENGINES.f16, { reduced: true }),
  engine('bf16 engine', ENGINES.bf16, { reduced: true }),
  engine('tf32 operands', ENGINES.tf32),
  engine("ggml's Q8 activations", ENGINES.ggml),
  engine('int8 activations by rows', ENGINES.int8Rows, { reduced: true }),
  engine('int8 activations by groups of 128', ENGINES.int8Groups),
  engine('int8 activations by blocks of 32', ENGINES.int8Blocks, { reduced: true }),
  engine('weights in f16', ENGINES.f16Weights, { reduced: true }),
  engine('weights in bf16', ENGINES.bf16Weights),
  engine('f16 sums', ENGINES.f16Sums, { reduced: true, except: BEYOND_F16 }),
  played(
    'f16 chunks, declared',
    (graph) => ({
      style: {
        ...wholeStyle({ ...ENGINES.f32, name: 'f16 chunks', rounds: { dot: DOTS['f16 chunks'] } }, graph),
        metadata: { accumulation: 'F16' },
      },
    }),
    { except: BEYOND_F16 },
  ),
  summed('f16 chunks', { except: BEYOND_F16 }),
  summed('in turn'),
  summed('pairwise'),
  summed('8 lanes', { reduced: true }),
  summed('tiles of 64'),
  engine('other formulas', ENGINES.formulas, { reduced: true }),
  cache('f32 KV cache', ENGINES.f32),
  cache('bf16 KV cache', ENGINES.bf16Cache),
  cache('Q8 KV cache', ENGINES.q8Cache, { reduced: true }),
  played('some nodes', (graph, random) => ({ style: drawStyle(random, graph) })),
  played('layer ends only', (graph, random) => ({
    style: styleOf(random.pick([ENGINES.f32, ENGINES.f16, ENGINES.ggml]), layerEnds(graph), 'ends of layers'),
  })),
  formed('fused parts', (graph, random) => fused(random, (n) => isComputing(graph, n)), { reduced: true }),
  formed('last rows only', (graph) => lastRows(graph), { reduced: true }),
  formed('folded scales', foldedScales, { only: /^(made-|tiny$|specimen$|sample$)/, reduced: true }),
  played(
    'experts in another order',
    (graph, random) => {
      const mutationOf = otherExperts(graph, random.pick(['reversed', 'by number']));
      return mutationOf && { style: wholeStyle(random.pick([ENGINES.f32, ENGINES.f16]), graph), mutationOf };
    },
    { only: /moe/, reduced: true },
  ),
];
