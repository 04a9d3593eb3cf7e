/** The whole story on the embedded model: right kernels, planted ones, where they part, what is wrong. */
import path from 'node:path';
import { assert } from '../../shared/base/assert';
import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import type { TokenLogit } from '../../shared/compare/comparison';
import { COMPARE_MAX_NMSE } from '../../shared/compare/tolerance';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { Verdict } from '../../shared/divergence/verdict';
import type { GalleryBug } from '../../shared/gallery/gallery';
import type { SpecimenType } from '../entry-path';
import { specimenPath } from '../entry-path';
import { writeAtomic } from '../files/write-atomic';
import { reportOf } from '../reports/report';
import { writeRepro } from '../repro/write-repro';
import type { CompareReport } from './compare-traces';
import { compareTraces } from './compare-traces';
import type { LayerEnd } from './layer-ends';
import { layerEnds } from './layer-ends';
import { choicesOf } from './lane-says';
import { findFirstBad } from './find-first-bad';
import type { Engines } from './produce-trace';
import { traceLane } from './trace-lane';

/** The embedded model was trained to go on with " Paris". */
export const DEMO_PROMPT = 'The capital of France is';

export interface LaneSaid {
  readonly lane: string;
  readonly model: SpecimenType;
  /** First choices after the prompt and after each decode step. */
  readonly says: readonly TokenLogit[];
}

/** `quarrel demo --json`. */
export interface DemoReport {
  readonly schema: 'quarrel.demo/1';
  readonly prompt: string;
  readonly bug: GalleryBug;
  /** llama.cpp, the reference and our kernels. */
  readonly right: readonly LaneSaid[];
  /** The planted kernels on the quantized file, then on the file in F16. */
  readonly planted: readonly LaneSaid[];
  /** Both kernels against llama.cpp, at the end of each layer. */
  readonly layers: readonly LayerEnd[];
  readonly verdict: Verdict;
  /** Whether node, decode step and cause are those that the gallery names. */
  readonly found: boolean;
  readonly files: {
    readonly traces: Readonly<Record<'llama' | 'webgpu' | 'planted', string>>;
    readonly report: string;
    /** null where no node is bad. */
    readonly repro: string | null;
  };
}

interface Demo {
  readonly bug: GalleryBug;
  readonly folder: string;
  readonly engines: Engines;
  readonly control: JobControl;
}

/**
 * @param folder an empty folder, which gets traces, report and repro
 * @param final where it will lie once it is complete
 */
export async function runDemo(
  bug: GalleryBug,
  folder: string,
  final: string,
  engines: Engines,
  control: JobControl,
): Promise<DemoReport> {
  const demo = { bug, folder, engines, control };
  const at = (name: string): string => path.join(folder, name);
  const traces = {
    llama: at('llama.safetensors'),
    webgpu: at('webgpu.safetensors'),
    planted: at('planted.safetensors'),
  };
  const right = [
    await said(demo, 'llama', 'Q4_K_M', traces.llama),
    await said(demo, 'reference', 'Q4_K_M', at('reference.safetensors')),
    await said(demo, 'webgpu', 'Q4_K_M', traces.webgpu),
  ];
  const planted = [
    await said(demo, bug.lane, 'Q4_K_M', traces.planted),
    await said(demo, bug.lane, 'F16', at('planted-f16.safetensors')),
  ];
  const layers = await layersOf(traces, bug.steps, control);
  const { verdict, repro } = await judge(demo);
  writeAtomic(at('verdict.html'), reportOf('html', verdict));
  const shown = (file: string): string => path.join(final, path.basename(file));
  return {
    schema: 'quarrel.demo/1',
    prompt: DEMO_PROMPT,
    bug,
    right,
    planted,
    layers,
    verdict,
    found: isFound(bug, verdict),
    files: {
      traces: { llama: shown(traces.llama), webgpu: shown(traces.webgpu), planted: shown(traces.planted) },
      report: shown('verdict.html'),
      repro: repro && shown(repro),
    },
  };
}

/** Runs a lane on the prompt, and on as many decode steps as the bug needs to show. */
async function said(demo: Demo, lane: string, model: SpecimenType, out: string): Promise<LaneSaid> {
  const { bug, engines, control } = demo;
  const spec = parseLane(lane);
  assert(spec.kind !== 'trace' && spec.kind !== 'cmd', `the demo runs no finished results: ${lane}`);
  const modelPath = specimenPath(model);
  const trace = await traceLane(
    { modelPath, prompt: { kind: 'prompt', text: DEMO_PROMPT }, lane: spec, out, steps: { count: bug.steps } },
    engines,
    staged(control, `${lane} on ${model}`),
  );
  try {
    return { lane, model, says: await choicesOf(modelPath, trace) };
  } finally {
    trace.dispose();
  }
}

async function layersOf(
  traces: DemoReport['files']['traces'],
  step: number,
  control: JobControl,
): Promise<readonly LayerEnd[]> {
  const against = { reference: traces.llama, maxNmse: COMPARE_MAX_NMSE };
  const compare = (candidate: string, stage: string): Promise<CompareReport> =>
    compareTraces({ ...against, candidate }, staged(control, stage));
  const right = await compare(traces.webgpu, 'compare our kernels');
  const planted = await compare(traces.planted, 'compare the planted kernels');
  return layerEnds(right, planted, step);
}

async function judge({ bug, folder, engines, control }: Demo): Promise<{ verdict: Verdict; repro: string | null }> {
  const target = path.join(folder, 'repro');
  let repro: string | null = null;
  const verdict = await findFirstBad(
    {
      modelPath: specimenPath('Q4_K_M'),
      prompt: { kind: 'prompt', text: DEMO_PROMPT },
      reference: 'llama',
      candidate: bug.lane,
      steps: bug.steps,
      onBad: (first, found) => {
        writeRepro(target, first, found);
        repro = target;
      },
    },
    engines,
    control,
  );
  return { verdict, repro };
}

function isFound({ expected }: GalleryBug, { firstBad, cause }: Verdict): boolean {
  return firstBad?.node === expected.node && firstBad.step === expected.step && cause?.id === expected.cause;
}
