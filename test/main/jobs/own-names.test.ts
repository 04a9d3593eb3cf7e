import { describe, expect, it } from 'vitest';

import { SPECIMEN, judgeDump, reported } from '../../helpers/reported';
import { sharedPath } from '../../helpers/shared-files';

const dump = (name: string): string => reported('candle', name) ?? '';

describe.skipIf(dump('right-specimen.own') === '')('an engine with names of its own', { timeout: 180_000 }, () => {
  it('right-specimen.own-names is clean, with Q and K after RoPE among what was mapped', async () => {
    const verdict = await judgeDump(SPECIMEN, dump('right-specimen.own'));
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
    expect(verdict.profile.filter((p) => p.node === 'Qcur-0#1')).toHaveLength(4);
  });

  it('right-specimen-prompt1.llama-names is clean', async () => {
    const verdict = await judgeDump(SPECIMEN, dump('right-specimen-prompt1'));
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
  });

  it('wrong-specimen-rope-neox is named at RoPE, and every decode step has that cause and no other', async () => {
    const verdict = await judgeDump(SPECIMEN, dump('wrong-specimen-rope-neox'));
    expect(verdict.firstBad).toMatchObject({ node: 'Qcur-0#1', step: 0, stretch: [], cause: { id: 'rope-pairing' } });
    expect(new Set(verdict.allBad.map((b) => b.cause?.id))).toEqual(new Set(['rope-pairing']));
    expect(new Set(verdict.allBad.map((b) => b.op))).toEqual(new Set(['ROPE']));
  });

  it('wrong-specimen-kv-tiled is named in layer 0 though most values are far off', async () => {
    const { firstBad } = await judgeDump(SPECIMEN, dump('wrong-specimen-kv-tiled'));
    expect(firstBad).toMatchObject({ layer: 0, cause: { id: 'gqa-heads' } });
  });

  it('an embedding of equal bits is the embedding, and not blamed: first wrong is what lacks its scale', async () => {
    const model = sharedPath('models/archs/llama-dense.Q4_K_M.gguf');
    const { allBad, firstBad } = await judgeDump(model, dump('wrong-llama-dense'));
    expect(firstBad).toMatchObject({ layer: 0 });
    expect([firstBad!.node, ...firstBad!.stretch].join()).toMatch(/Qcur-0/);
    expect(allBad.map((b) => b.node)).not.toContain('embd');
  });
});
