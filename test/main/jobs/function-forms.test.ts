import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { changedDump, judgeDump, reported } from '../../helpers/reported';

const model = reported('bert', 'minilm-l3.F16') ?? '';
const map = reported('bert', 'bert-hf-map') ?? '';
const dump = (name: string): string => reported('bert', `${name}.safetensors`) ?? '';
const FORM = /GELU is computed by its erf form/;

/** x·Φ(x) by an error function good to 1.2e-7 (Abramowitz and Stegun 7.1.26 has 1.5e-7; here by series). */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

describe.skipIf(model === '')('GELU in the form of the original model', { timeout: 180_000 }, () => {
  let folder: string;
  beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'forms-test-'))));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['l3-right-erf', map],
    ['l3-right-erf', undefined],
    ['l3-right-erf-ends', undefined],
  ])('%s is clean, and the verdict names the form', async (name, names) => {
    const verdict = await judgeDump(model, dump(name), names);
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
    expect(verdict.alignment.join('\n')).toMatch(FORM);
  });

  it('l3-right-tanh is clean without a word', async () => {
    const verdict = await judgeDump(model, dump('l3-right-tanh'), map);
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
    expect(verdict.alignment.join('\n')).not.toMatch(/GELU/);
  });

  it('a form that one layer has and the others have not is no convention', async () => {
    const out = path.join(folder, 'mixed.safetensors');
    let inner = new Float32Array();
    changedDump(dump('l3-right-tanh'), out, (key, values) => {
      if (key === 'encoder.layer.1.intermediate.dense') inner = Float32Array.from(values);
      return true;
    });
    changedDump(dump('l3-right-tanh'), out, (key) =>
      key.startsWith('encoder.layer.1.intermediate') && !key.endsWith('dense')
        ? { values: inner.map((x) => (x * (1 + erf(x / Math.SQRT2))) / 2) }
        : true,
    );
    const verdict = await judgeDump(model, out, map);
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_gelu-1' });
    expect(verdict.firstBad?.why).toMatch(/erf form here/);
  });

  it.each([
    ['l3-wrong-no-type', 'node_3'],
    ['l3-wrong-pos', 'node_1'],
    ['l3-wrong-no-embnorm', 'norm-0#0'],
    ['l3-wrong-causal', 'kq_soft_max-0'],
  ])('%s is still found at %s', async (name, node) => {
    const { firstBad } = await judgeDump(model, dump(name), map);
    expect([...(firstBad?.stretch ?? []), firstBad?.node]).toContain(node);
  });
});
