/** Candidates that are right, each different from llama.cpp's own run in a way that is allowed. */
import type { Verdict } from '../../../shared/divergence/verdict';
import type { BenchRun, OpenModel } from './bench-run';
import { Random } from './random';
import { realControls } from './real-controls';
import type { ControlResult } from './score';
import { countsOf } from './score';
import { SIMULATED } from './simulated-controls';

/** One way to be right. */
export interface ControlKind {
  readonly name: string;
  /** llama.cpp itself or one of our lanes, or an engine that the benchmark plays. */
  readonly group: 'real' | 'simulated';
  /** Models that it does not run on. */
  readonly except?: readonly string[];
  /** The only models that it runs on; all when absent. */
  readonly only?: RegExp;
  /** Decode steps after the prompt. */
  readonly steps?: number;
  /** Whether the reduced benchmark has it. */
  readonly reduced?: boolean;
  /** Runs it; undefined where the model has no place for it. */
  run(run: BenchRun, opened: OpenModel, random: Random): Promise<ControlOutcome | undefined>;
}

export interface ControlOutcome {
  readonly verdict: Verdict;
  readonly note: string;
}

/** @param vulkan folder of a llama.cpp build with Vulkan */
export function controlKinds(webgpu: boolean, vulkan?: string): readonly ControlKind[] {
  return [...SIMULATED, ...realControls(webgpu, vulkan)];
}

export async function runControl(
  run: BenchRun,
  kind: ControlKind,
  modelName: string,
): Promise<ControlResult | undefined> {
  const opened = await run.capture(modelName, kind.steps);
  const begin = performance.now();
  const outcome = await kind.run(run, opened, Random.named(run.seed, `${kind.name} ${modelName}`));
  if (!outcome) return undefined;
  const { verdict, note } = outcome;
  return {
    ...{ name: kind.name, group: kind.group, model: modelName, note },
    clean: verdict.verdict === 'clean',
    reason: verdict.reason,
    compared: verdict.compared,
    counts: countsOf(verdict),
    blamed: verdict.allBad.map(({ node, step }) => (step > 0 ? `step ${step}: ${node}` : node)),
    seconds: (performance.now() - begin) / 1000,
  };
}
