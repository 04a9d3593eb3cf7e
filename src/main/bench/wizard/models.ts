/** The models that the benchmark runs: shipped, made, and those of a folder beside the checkout where there is one. */
import fs from 'node:fs';
import path from 'node:path';
import { projectRoot, specimenPath } from '../../entry-path';
import type { ModelRecipe } from './make-model';
import { makeModel } from './make-model';
import { Random } from './random';

export interface BenchModel {
  readonly name: string;
  readonly path: string;
  readonly tokens: readonly number[];
}

const RECIPES: Readonly<Record<string, ModelRecipe>> = {
  'made-legacy': { arch: 'llama', layers: ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'IQ4_NL', 'MXFP4'] },
  'made-k': { arch: 'llama', layers: ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'], embedding: 'Q6_K' },
  'made-iq3': { arch: 'llama', layers: ['IQ3_S', 'IQ3_S'], embedding: 'IQ3_S' },
  'made-f16': { arch: 'llama', layers: ['F16', 'BF16', 'F32'], embedding: 'F16' },
  'made-tiny': {
    arch: 'llama',
    layers: ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'],
    tinyScales: true,
  },
  'made-factors': { arch: 'llama', layers: ['Q8_0', 'Q4_K'], ropeFactors: true },
  'made-partial-rope': { arch: 'stablelm', layers: ['Q8_0', 'Q4_K'], ropeChannels: 32 },
  'made-yarn': { arch: 'llama', layers: ['Q8_0', 'Q4_K'], yarn: true },
  'made-bias': { arch: 'qwen2', layers: ['Q4_0', 'Q5_K', 'Q8_0'] },
  'made-qk-norm': { arch: 'qwen3', layers: ['Q4_K', 'Q6_K', 'Q8_0'] },
  'made-gemma2': { arch: 'gemma2', layers: ['Q8_0', 'Q4_0', 'Q5_1', 'Q8_0'], hidden: 320 },
  'made-loud': { arch: 'llama', layers: ['Q8_0', 'Q8_0'], attentionGain: 110, ffnGain: 160 },
  'made-steep': { arch: 'llama', layers: ['Q8_0', 'Q4_K'], attentionGain: 8 },
  'made-quiet': { arch: 'llama', layers: ['Q8_0', 'Q4_K'], epsilon: 1e-5, embeddingGain: 0.01 },
  'made-gelu': { arch: 'gemma2', layers: ['Q8_0', 'Q8_0'], hidden: 320, ffnGain: 6 },
};

/** Scores of these are beyond f16 on purpose: an engine with f16 sums is wrong there. */
export const BEYOND_F16: readonly string[] = ['made-loud'];

const TOKENS = 8;

/** Opens models by name; those that are made are made once. */
export class BenchModels {
  private readonly known = new Map<string, BenchModel>();

  /** @param folder where made models are written */
  constructor(
    private readonly folder: string,
    private readonly seed: number,
    shared = path.join(projectRoot(), '..', 'shared'),
  ) {
    this.add('tiny', path.join(projectRoot(), 'test', 'fixtures', 'quarrel-tiny.gguf'), 500);
    this.add('specimen', specimenPath(), 3900);
    const archs = path.join(shared, 'models', 'archs');
    for (const file of fs.existsSync(archs) ? fs.readdirSync(archs) : []) {
      if (file.endsWith('.gguf'))
        this.add(file.replace('.Q4_K_M.gguf', '').replace('.gguf', ''), path.join(archs, file), 128);
    }
    this.add('sample', path.join(shared, 'traces', 'sample.Q4_K_M.gguf'), 500);
    this.add('smollm2', path.join(shared, 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf'), 49_000);
  }

  get names(): readonly string[] {
    return [...this.known.keys(), ...Object.keys(RECIPES)];
  }

  has(name: string): boolean {
    return this.known.has(name) || name in RECIPES;
  }

  get(name: string): BenchModel {
    const recipe = RECIPES[name];
    if (recipe && !this.known.has(name)) {
      const out = path.join(this.folder, `${name}.gguf`);
      makeModel(recipe, this.seed, out);
      this.add(name, out, 160);
    }
    const model = this.known.get(name);
    if (!model) throw new RangeError(`no model ${name}`);
    return model;
  }

  private add(name: string, file: string, vocabulary: number): void {
    if (!fs.existsSync(file)) return;
    const random = Random.named(this.seed, `tokens of ${name}`);
    const tokens = random.sample(
      Array.from({ length: vocabulary - 1 }, (_, i) => i + 1),
      TOKENS,
    );
    this.known.set(name, { name, path: file, tokens });
  }
}
