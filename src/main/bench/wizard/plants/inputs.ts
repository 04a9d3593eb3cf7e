/** Runs that are wrong before any layer: other tokens, other types, weights that are no numbers. Rows 14, 15 and 40. */
import fs from 'node:fs';
import { defined } from '../../../../shared/base/assert';
import type { Rung } from '../../../../shared/divergence/checks';
import type { Verdict } from '../../../../shared/divergence/verdict';
import { QUANT_FORMATS } from '../../../../shared/quant/registry';
import { openModel } from '../../../files/model-file';
import type { BenchRun, OpenModel } from '../bench-run';
import { plainStyle } from '../dump-style';
import { runEngine } from '../engine-run';
import type { InputPlant } from '../input-plant';
import type { Random } from '../random';

const TEXTS = ['The capital of France is', 'Once upon a time there was', 'One two three four five six'];

/** A dump of the run, right in every node. @returns its path */
async function rightDump(run: BenchRun, opened: OpenModel, metadata: Record<string, string> = {}): Promise<string> {
  const out = run.file('input.safetensors');
  const { model, weights, steps } = opened;
  const { graph } = defined(steps[0], 'the prompt');
  const style = { ...plainStyle(graph), metadata };
  await runEngine({ model: model.path, weights, steps, mutationOf: () => undefined, style, out, control: run.quiet() });
  return out;
}

/** Every node is right, and one rung of the preflight says what is not. */
function isNamed({ firstBad, preflight }: Verdict, id: Rung['id'], is: (rung: Rung) => boolean): boolean {
  return firstBad === null && preflight.some((rung) => rung.id === id && is(rung));
}

const isDifferent = (rung: Rung): boolean => rung.state === 'different';

interface TokenSlip {
  readonly name: string;
  readonly title: string;
  readonly tokensOf: (text: readonly number[], random: Random) => readonly number[];
}

const TOKEN_SLIPS: readonly TokenSlip[] = [
  { name: 'double-bos', title: 'BOS twice', tokensOf: ([bos = 0, ...rest]) => [bos, bos, ...rest] },
  { name: 'missing-bos', title: 'BOS missing', tokensOf: ([, ...rest]) => rest },
  {
    name: 'pre-tokenizer',
    title: 'the text split into other tokens',
    tokensOf: (text, random) => {
      const at = random.integer(1, text.length - 2);
      return [...text.slice(0, at), random.integer(10, 90), ...text.slice(at + 1)];
    },
  },
];

/** A dump made from other tokens than the text's. */
function tokenPlant({ name, title, tokensOf }: TokenSlip): InputPlant {
  return {
    ...{ kind: 'input', name, row: 40, title, models: ['tiny'], reduced: name === 'double-bos' },
    plant: async (run, random) => {
      const text = random.pick(TEXTS);
      const model = modelWithBos(run);
      const opened = await run.captureFile(model, tokensOf(await run.tokensOf(model, text), random));
      const verdict = await run.bisectText(opened, `trace:${await rightDump(run, opened)}`, text);
      return { verdict, hit: isNamed(verdict, 'tokens', isDifferent), note: JSON.stringify(text), planted: 'tokens' };
    },
  };
}

const ADD_BOS = 'tokenizer.ggml.add_bos_token';

/** The tiny model with a tokenizer that puts BOS first: one byte of its header. */
function modelWithBos(run: BenchRun): string {
  const bytes = fs.readFileSync(run.models.get('tiny').path);
  // After the key: its type (u32, 7 for bool), then the value.
  bytes[bytes.indexOf(ADD_BOS) + ADD_BOS.length + 4] = 1;
  const out = run.file('tiny-bos.gguf');
  fs.writeFileSync(out, bytes);
  return out;
}

/** Row 14: the model file itself has a block whose scale is NaN, as quantizing with an importance of zeros makes it. */
const NAN_SCALES: InputPlant = {
  ...{ kind: 'input', name: 'nan-scale-in-file', row: 14, title: 'a scale of the model file is NaN' },
  models: ['made-legacy', 'made-k'],
  plant: async (run, random, modelName) => {
    const base = run.models.get(modelName);
    const { file, tensor } = withNanScale(run, base.path, random);
    const opened = await run.captureFile(file, base.tokens);
    const verdict = await run.bisect(opened, 'reference');
    const named = (rung: Rung): boolean => [rung.text, ...rung.details].some((line) => line.includes(tensor));
    return { verdict, hit: isNamed(verdict, 'weights', named), note: '', planted: tensor };
  },
};

/** Byte of a block at which its f16 scale lies. */
const SCALE_AT = { Q4_0: 0, Q5_0: 0, Q8_0: 0, Q4_K: 0, Q2_K: 80, Q3_K: 108, Q6_K: 208 } as const;

function withNanScale(run: BenchRun, path: string, random: Random): { file: string; tensor: string } {
  const model = openModel(path);
  try {
    const tensor = random.pick(model.gguf.tensors.filter(({ type }) => type !== undefined && type in SCALE_AT));
    const { blockBytes } = QUANT_FORMATS[tensor.type as keyof typeof SCALE_AT];
    const block = random.integer(0, (tensor.byteLength ?? 0) / blockBytes - 1);
    const bytes = fs.readFileSync(path);
    const at = tensor.offset + block * blockBytes + SCALE_AT[tensor.type as keyof typeof SCALE_AT];
    bytes.writeUInt16LE(0x7e00, at);
    const file = run.file('nan-scale.gguf');
    fs.writeFileSync(file, bytes);
    return { file, tensor: tensor.name };
  } finally {
    model.dispose();
  }
}

/** Row 15: the engine holds a tensor in another type than the file's. */
const TYPE_FALLBACK: InputPlant = {
  ...{ kind: 'input', name: 'other-type', row: 15, title: 'a tensor held in another type than the file has' },
  models: ['made-legacy', 'tiny', 'llama-dense'],
  plant: async (run, random, modelName) => {
    const opened = await run.capture(modelName);
    const { tensors } = opened.weights.file.gguf;
    const other = random.pick(tensors.filter(({ type }) => type?.startsWith('Q')));
    const types = Object.fromEntries(tensors.map((t) => [t.name, t === other ? 'F16' : t.type]));
    const out = await rightDump(run, opened, { tensor_types: JSON.stringify(types) });
    const verdict = await run.bisect(opened, `trace:${out}`);
    const named = (rung: Rung): boolean => isDifferent(rung) && rung.text.includes(other.name);
    return { verdict, hit: isNamed(verdict, 'types', named), note: `${other.type} as F16`, planted: other.name };
  },
};

export const INPUT_PLANTS: readonly InputPlant[] = [...TOKEN_SLIPS.map(tokenPlant), NAN_SCALES, TYPE_FALLBACK];
