import fs from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verdictText } from '../../../src/main/cli/text/verdict-text';
import type { BisectOptions } from '../../../src/main/jobs/find-first-bad';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import type { TraceLaneRequest } from '../../../src/main/jobs/trace-lane';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import { reportOf } from '../../../src/main/reports/report';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { tinyModelPath } from '../../helpers/shared-files';
import { temporaryFolder } from '../capture/capture-fixture';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const PROMPT = { kind: 'tokens', tokens: [1, 7, 300, 21, 5] } as const;
const F16 = { precision: 'f16', streamed: false } as const;

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

function bisect(options: BisectOptions, candidate = 'reference'): Promise<Verdict> {
  const request = { modelPath: tinyModelPath(), prompt: PROMPT, reference: 'llama', candidate, ...options };
  return findFirstBad(request, noGpu, new Control(() => undefined));
}

/** The verdict as JSON, in the terminal, as Markdown and as HTML. */
function everywhere(verdict: Verdict): readonly string[] {
  return [verdictText(verdict), reportOf('markdown', verdict), reportOf('html', verdict)];
}

describe('what was asked of a run', () => {
  it('stands in the verdict and in all that is made of it', async () => {
    const selection = { layers: { from: 1, to: 2 }, stopAfter: 'ffn_norm-2' };
    const verdict = await bisect({ access: F16, selection });
    const options = { weights: 'f16', ...selection, place: null };
    expect(verdict.options).toEqual(options);
    expect((JSON.parse(reportOf('json', verdict)) as Verdict).options).toEqual(options);
    for (const text of everywhere(verdict)) {
      expect(text).toContain('weights were dequantized to f16 as they were read');
      expect(text).toContain('only layers 1 to 2 ran; what they read of the rest was given, not computed');
      expect(text).toMatch(/nothing after ffn\\?_norm-2 ran/);
    }
  });

  it('names the placement', async () => {
    const verdict = await bisect({}, 'place:0:reference,1-:reference');
    expect(verdict.options).toMatchObject({ weights: 'as-is', place: '0:reference,1-:reference' });
    for (const text of everywhere(verdict)) expect(text).toContain('placed on lanes: 0:reference,1-:reference');
  });

  it('is not spoken of where nothing was asked', async () => {
    const verdict = await bisect({});
    expect(verdict.options).toEqual({ weights: 'as-is', layers: null, stopAfter: null, place: null });
    for (const text of everywhere(verdict)) expect(text).not.toContain('asked for');
  });

  it("is part of a trace's provenance, that of several steps too", async () => {
    const provenance = async (request: Partial<TraceLaneRequest>): Promise<Readonly<Record<string, string>>> => {
      const out = path.join(folder, 'choices.safetensors');
      const whole = {
        modelPath: tinyModelPath(),
        prompt: PROMPT,
        lane: { kind: 'reference' },
        out,
        ...request,
      } as const;
      const trace = await traceLane(whole, noGpu, new Control(() => undefined));
      trace.dispose();
      return trace.manifest!.provenance;
    };
    const chosen = { access: F16, layers: { from: 0, to: 1 }, stopAfter: 'ffn_norm-1' };
    for (const steps of [{ count: 0 }, { count: 1, tokens: [42] }]) {
      expect(await provenance({ ...chosen, steps })).toMatchObject({
        weights: 'f16',
        layers: '0..1',
        stopAfter: 'ffn_norm-1',
      });
    }
    const plain = Object.keys(await provenance({}));
    expect(plain.filter((key) => ['weights', 'layers', 'stopAfter', 'place'].includes(key))).toEqual([]);
  });
});
