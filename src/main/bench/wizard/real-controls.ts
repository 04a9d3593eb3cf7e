/** Real backends as candidates: our lanes, and llama.cpp in each way that this machine runs it. */
import fs from 'node:fs';
import { captureTrace } from '../../capture/capture';
import { variantNames } from '../../capture/cpu-variants';
import { locateLibrary } from '../../capture/library-files';
import type { BenchRun } from './bench-run';
import type { ControlKind } from './controls';
import { BEYOND_F16 } from './models';

/** Decode steps read states of theirs that are in no trace: never all of a step is measured. */
export const RECURRENT = ['mamba-dense', 'mamba2-dense'];

type Lane = Parameters<BenchRun['bisect']>[2];

function lane(name: string, candidate: string, more: Partial<ControlKind> & { readonly how?: Lane } = {}): ControlKind {
  const { how, ...kind } = more;
  return {
    ...{ name, group: 'real', ...kind },
    run: async (run, opened) => ({ verdict: await run.bisect(opened, candidate, how), note: candidate }),
  };
}

/** Flash attention as a trace: kq, kq_soft_max and kqv are hidden in one op. */
const TRACED: ControlKind = {
  ...{ name: 'trace with fused attention', group: 'real' },
  run: async (run, { model, ...opened }) => {
    const out = run.file('control.safetensors');
    const options = { flashAttention: true };
    await captureTrace({ modelPath: model.path, tokens: model.tokens, out, options }, run.quiet());
    const verdict = await run.bisect({ model, ...opened }, `trace:${out}`);
    fs.rmSync(out);
    return { verdict, note: 'flash attention' };
  },
};

/** Types of the KV cache, alone and under fused attention. */
const CACHES = ['ctk=f32', 'ctk=bf16,ctv=bf16', 'ctk=q8_0', 'ctk=q4_0'];
const FUSED = ['fa=on', 'fa=on,ctk=q8_0,ctv=q8_0', 'fa=on,ctk=q4_0,ctv=q4_0'];

/** They did not end within minutes on Mesa's software driver. */
const ENDLESS = ['made-f16', 'made-legacy'];

/** @param vulkan folder of a build with Vulkan; none where it cannot be had */
export function realControls(webgpu: boolean, vulkan: string | undefined): readonly ControlKind[] {
  const cpu = (options: string, more: Partial<ControlKind> = {}): ControlKind =>
    lane(options, `llama:cpu,${options}`, { steps: 1, except: RECURRENT, ...more });
  const variants = variantNames(locateLibrary().dir);
  return [
    lane('reference lane', 'reference'),
    lane('threads', 'llama', { how: { threads: 2 } }),
    TRACED,
    ...FUSED.map((options, i) => cpu(options, { reduced: i === 0 })),
    ...CACHES.map((options) => cpu(options, { reduced: options === 'ctk=q8_0' })),
    cpu('repack=on', { steps: 0, except: [], reduced: true }),
    // the first of the alphabet is the plainest or not for this processor: the reduced run takes one that all have
    ...variants.map((name) => cpu(`variant=${name}`, { steps: 0, except: [], reduced: name === 'x64' })),
    ...(vulkan === undefined
      ? []
      : [
          lane('vulkan', `llama:vulkan@${vulkan}`, { steps: 1, except: ENDLESS }),
          // it sums in f16: where scores are beyond that, rows that are rescaled lose a last place
          lane('vulkan, fa=on', `llama:vulkan@${vulkan},fa=on`, { except: [...ENDLESS, ...BEYOND_F16] }),
          lane('vulkan, ctk=q8_0', `llama:vulkan@${vulkan},ctk=q8_0`, { except: ENDLESS }),
        ]),
    ...(webgpu ? [lane('webgpu', 'webgpu', { reduced: true })] : []),
  ];
}
