import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureTrace } from '../../../src/main/capture/capture';
import { openModel } from '../../../src/main/files/model-file';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import { defined } from '../../../src/shared/base/assert';
import { independenceText } from '../../../src/shared/divergence/effect-text';
import type { BadNode, Verdict } from '../../../src/shared/divergence/verdict';
import { neOfShape } from '../../../src/shared/trace/safetensors';
import { writeEncoderDecoder } from '../../helpers/encoder-decoder';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';
import { SMOLLM2 } from '../../helpers/shared-models';
import { control, dumpOf, NO_GPU, TOKENS } from '../repro/repro-fixture';

const tiny = tinyModelPath();
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'effects-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

interface Asked {
  readonly tokens?: readonly number[];
  readonly stepTokens?: readonly number[];
  readonly effect?: boolean;
}

function bisect(modelPath: string, candidate: string, asked: Asked = {}): Promise<Verdict> {
  const { tokens = TOKENS, stepTokens, effect } = asked;
  return findFirstBad(
    {
      modelPath,
      prompt: { kind: 'tokens', tokens },
      reference: 'llama',
      candidate,
      ...(stepTokens ? { steps: stepTokens.length, stepTokens } : {}),
      ...(effect === undefined ? {} : { effect }),
    },
    NO_GPU,
    control(),
  );
}

/** The dump's own tokens. */
function bisectDump(modelPath: string, dump: string): Promise<Verdict> {
  const file = TraceFile.open(dump);
  file.dispose();
  const steps = file.stepTokens.flat();
  return bisect(modelPath, `trace:${dump}`, {
    tokens: file.tokens,
    ...(steps.length > 0 ? { stepTokens: steps } : {}),
  });
}

const at = (verdict: Verdict, node: string, step = 0): BadNode =>
  defined(
    verdict.allBad.find((b) => b.node === node && b.step === step),
    node,
  );

describe('what a bad node does to the answer, on the tiny model', () => {
  it('is what the whole run shows where nothing else is wrong', async () => {
    // the last node: what follows from it is the answer itself
    const lane = await dumpOf(folder, (key, values) => (key === 'result_output' ? values.map((v) => -v) : values));
    const verdict = await bisect(tiny, lane);
    const { effect } = at(verdict, 'result_output');
    expect(effect).toMatchObject({
      sameTop: false,
      right: { token: verdict.logits.reference?.token },
      token: { token: verdict.logits.candidate?.token },
    });
    // from exact arithmetic on, not from llama.cpp's
    expect(effect!.kld! / verdict.logits.kld!).toBeCloseTo(1, 1);
    expect(effect?.right.text).toBe(verdict.logits.reference?.text);
    expect(verdict.bugs).toMatchObject([{ nodes: ['result_output'], effect: { kld: effect?.kld } }]);
  });

  it('is nothing where the error is too small to matter, and is not asked of a right run', async () => {
    const lane = await dumpOf(folder, (key, values) => (key === 'ffn_norm-2' ? values.map((v) => v * 1.001) : values));
    const { effect } = at(await bisect(tiny, lane), 'ffn_norm-2');
    expect(effect).toMatchObject({ sameTop: true });
    expect(effect?.kld).toBeLessThan(1e-3);
    const right = await bisect(tiny, await dumpOf(folder, (_key, values) => values));
    expect(right).toMatchObject({ verdict: 'clean', bugs: [] });
  });

  it('is NaN where the node is', async () => {
    const lane = await dumpOf(folder, (key, values) =>
      key === 'ffn_norm-2' ? values.map((v, i) => (i === values.length - 1 ? NaN : v)) : values,
    );
    const verdict = await bisect(tiny, lane);
    expect(at(verdict, 'ffn_norm-2').effect).toMatchObject({ kld: null, sameTop: false, token: null });
    expect(independenceText(verdict)).toBeUndefined();
  });

  it('is none where it leads to no answer', async () => {
    // the first token's row before the logits: the next token's do not read it
    const lane = await dumpOf(folder, (key, values) =>
      key === 'result_norm' ? values.map((v, i) => (i < values.length / TOKENS.length ? -v : v)) : values,
    );
    expect(at(await bisect(tiny, lane), 'result_norm').effect).toMatchObject({ kld: 0, sameTop: true });
  });

  it('is not looked at with effect: false', async () => {
    const lane = await dumpOf(folder, (key, values) => (key === 'ffn_norm-2' ? values.map((v) => -v) : values));
    expect((await bisect(tiny, lane)).firstBad?.effect).not.toBeNull();
    const without = await bisect(tiny, lane, { effect: false });
    expect(without.firstBad?.effect).toBeNull();
    expect(without.bugs).toMatchObject([{ effect: null }]);
  });
});

describe('an encoder', () => {
  it('gives no answer, so its bad nodes have no effect', async () => {
    const model = path.join(folder, 't5.gguf');
    writeEncoderDecoder(model);
    const own = path.join(folder, 'right.safetensors');
    const prompt = { kind: 'tokens', tokens: [1, 7, 30] } as const;
    const lane = { kind: 'reference' } as const;
    const trace = await traceLane(
      { modelPath: model, prompt, steps: { count: 1, tokens: [0] }, lane, out: own },
      NO_GPU,
      control(),
    );
    const dump = path.join(folder, 'wrong-encoder.safetensors');
    const writer = TraceWriter.create(dump);
    const keys = [...trace.entries.keys()];
    const encoder = defined(
      keys.find((key) => key.startsWith('ffn_norm-0')),
      'a node of the encoder',
    );
    const decoder = `step1/${keys.filter((key) => key.startsWith('step1/ffn_norm-0')).map((key) => key.slice(6))[0]}`;
    for (const key of keys) {
      const values = trace.readF32(key);
      const wrong = key === encoder || key === decoder ? values.map((x) => 1.5 * x) : values;
      writer.write(key, 'F32', defined(neOfShape(defined(trace.entries.get(key), key).shape), key), wrong);
    }
    writer.finish({
      engine: 'wrong',
      model,
      tokens: prompt.tokens,
      steps: defined(trace.manifest, 'steps').steps ?? [],
    });
    trace.dispose();
    const verdict = await bisect(model, `trace:${dump}`, { tokens: prompt.tokens, stepTokens: [0] });
    expect(at(verdict, encoder).effect).toBeNull();
    expect(at(verdict, decoder.slice(6), 1).effect).not.toBeNull();
  });
});

const engines = sharedPath('reported/engines');
const dumpNamed = (prefix: string): string =>
  path.join(
    engines,
    defined(
      fs.readdirSync(engines).find((file) => file.startsWith(prefix)),
      prefix,
    ),
  );

describe.skipIf(!fs.existsSync(engines))('reported bugs in ../shared/reported/engines', { timeout: 60_000 }, () => {
  it('d02: two independent bugs, each with its own effect', async () => {
    const model = path.join(engines, 'granitehybrid-multipliers.Q8_0.gguf');
    const verdict = await bisectDump(model, dumpNamed('d02'));
    const [residual, scale] = verdict.bugs;
    expect(verdict.bugs).toHaveLength(2);
    expect(residual?.nodes).toEqual(['ffn_inp-0', 'l_out-0', 'ffn_inp-1', 'l_out-1']);
    expect(scale?.nodes).toEqual(['result_output']);
    // alone it hardly matters; the other is all that the answers differ by
    expect(residual?.effect).toMatchObject({ sameTop: true });
    expect(residual?.effect?.kld).toBeLessThan(1e-3);
    expect(scale?.effect?.kld).toBeCloseTo(verdict.logits.kld!, 0);
    expect(at(verdict, 'ffn_inp-0').effect?.kld).toBeLessThan(1e-3);
    expect(independenceText(verdict)).toMatch(/^two independent bugs, .*: ffn_inp-0 and 3 more .*; result_output /);
  });

  it('b03: other experts are chosen', async () => {
    const verdict = await bisectDump(path.join(engines, 'deepseek-v3-negbias.Q8_0.gguf'), dumpNamed('b03'));
    const { effect } = at(verdict, 'ffn_moe_argsort-1');
    expect(effect).toMatchObject({ sameTop: false, token: { token: verdict.logits.candidate?.token } });
    expect(effect?.kld).toBeCloseTo(verdict.logits.kld!, 2);
  });

  it('b12: NaN', async () => {
    const verdict = await bisectDump(path.join(engines, 'qwen3moe-8x3.Q8_0.gguf'), dumpNamed('b12'));
    expect(verdict.firstBad?.effect).toMatchObject({ kld: null, token: null });
  });

  it('b20: a decode step on the caches of a right run', async () => {
    const verdict = await bisectDump(path.join(engines, 'gemma2-window16.Q8_0.gguf'), dumpNamed('b20'));
    const step = defined(
      verdict.steps.find((s) => s.step === 1),
      'step 1',
    );
    const { effect } = at(verdict, 'kq_soft_max-0', 1);
    expect(effect).toMatchObject({ sameTop: true, right: { token: step.logits.reference?.token } });
    expect(effect!.kld! / step.logits.kld!).toBeCloseTo(1, 1);
  });
});

describe.skipIf(!fs.existsSync(SMOLLM2))('SmolLM2-135M in ../shared/models', { timeout: 180_000 }, () => {
  it('whose layer 17 reads a wrong tensor: that node alone changes no answer', async () => {
    const other = path.join(folder, 'layer-17.gguf');
    fs.copyFileSync(SMOLLM2, other);
    const model = openModel(SMOLLM2);
    const tensor = (name: string) =>
      defined(
        model.gguf.tensors.find((t) => t.name === name),
        name,
      );
    const [from, to] = [tensor('blk.16.attn_output.weight'), tensor('blk.17.attn_output.weight')];
    model.dispose();
    const file = fs.openSync(other, 'r+');
    const bytes = new Uint8Array(defined(from.byteLength, 'its bytes'));
    fs.readSync(file, bytes, 0, bytes.length, from.offset);
    fs.writeSync(file, bytes, 0, bytes.length, to.offset);
    fs.closeSync(file);
    const dump = path.join(folder, 'layer-17.safetensors');
    const tokens = [504, 3575, 282, 4649, 314];
    await captureTrace({ modelPath: other, tokens, out: dump }, control());
    fs.rmSync(other);
    const verdict = await bisectDump(SMOLLM2, dump);
    expect(verdict.firstBad).toMatchObject({
      node: 'attn_out-17',
      effect: { sameTop: true, token: { text: ' Paris' } },
    });
    // nothing else is wrong: what the node does is what the run shows
    expect(verdict.firstBad!.effect!.kld! / verdict.logits.kld!).toBeCloseTo(1, 0);
  });
});
