/** What a llama lane is asked for beyond its device: `ctk=q8_0,ctv=q8_0,fa=on` (design.md §6). */
import { QuarrelError } from '../base/errors';
import type { GgmlTypeName } from '../quant/ggml-type';

export interface LlamaOptions {
  /** Type of the K cache; llama.cpp's own, f16, when absent. */
  readonly cacheTypeK?: CacheType;
  /** Type of the V cache; f16 when absent. Quantized ones need flash attention. */
  readonly cacheTypeV?: CacheType;
  /** Attention as one fused op, which hides its steps and keeps V in another layout; off when absent. */
  readonly flashAttention?: boolean;
  /** Whether the CPU may reorder weights for its faster kernels, which round otherwise; off when absent. */
  readonly repack?: boolean;
  /** CPU build by its name (`haswell` of `libggml-cpu-haswell.so`); the best that the machine runs when absent. */
  readonly variant?: string;
}

/** The types that llama.cpp's own tools take for its caches (`kv_cache_types` in common/arg.cpp). */
const CACHE_TYPES = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  q8_0: 'Q8_0',
  q4_0: 'Q4_0',
  q4_1: 'Q4_1',
  iq4_nl: 'IQ4_NL',
  q5_0: 'Q5_0',
  q5_1: 'Q5_1',
} as const satisfies Readonly<Record<string, GgmlTypeName>>;
export type CacheType = keyof typeof CACHE_TYPES;

const UNQUANTIZED: readonly CacheType[] = ['f32', 'f16', 'bf16'];
const CACHE_WORDS = Object.keys(CACHE_TYPES) as CacheType[];

interface Key {
  /** What may stand after `=`, for the error. */
  readonly values: string;
  /** undefined: not one of the values. */
  read(value: string): LlamaOptions | undefined;
}

const cacheType = (value: string): CacheType | undefined => CACHE_WORDS.find((word) => word === value);
const asSwitch = (value: string): boolean | undefined => (value === 'on' ? true : value === 'off' ? false : undefined);

const KEYS: Readonly<Record<string, Key>> = {
  ctk: { values: CACHE_WORDS.join(', '), read: (v) => option('cacheTypeK', cacheType(v)) },
  ctv: { values: CACHE_WORDS.join(', '), read: (v) => option('cacheTypeV', cacheType(v)) },
  fa: { values: 'on, off', read: (v) => option('flashAttention', asSwitch(v)) },
  repack: { values: 'on, off', read: (v) => option('repack', asSwitch(v)) },
  variant: {
    values: 'the name of a CPU build, as haswell or zen4',
    read: (v) => option('variant', /^\w[\w.-]*$/.test(v) ? v : undefined),
  },
};

/** For the command line's help. */
export const LLAMA_OPTIONS_HELP =
  'after a llama lane, each after a comma: ctk=TYPE, ctv=TYPE (KV cache), fa=on, repack=on, variant=NAME (CPU build)';

export const LLAMA_OPTION_KEYS: readonly string[] = Object.keys(KEYS);

function option<K extends keyof LlamaOptions>(name: K, value: LlamaOptions[K] | undefined): LlamaOptions | undefined {
  return value === undefined ? undefined : { [name]: value };
}

export function cacheTypeName(word: CacheType): GgmlTypeName {
  return CACHE_TYPES[word];
}

/**
 * Reads `key=value,key=value`.
 * @param text what stands after the lane's first option comma
 * @param lane the whole lane, for errors
 * Throws QuarrelError that quotes what was found and lists what is known.
 */
export function parseLlamaOptions(text: string, lane: string, device: string): LlamaOptions {
  const fail = (what: string): never => {
    throw new QuarrelError(`lane ${JSON.stringify(lane)}: ${what}`);
  };
  const seen = new Set<string>();
  let options: LlamaOptions = {};
  for (const part of text.split(',')) {
    const [, name = part, value] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
    if (!key) return fail(`unknown option ${JSON.stringify(part)}; known: ${LLAMA_OPTION_KEYS.join(', ')}`);
    if (value === undefined) return fail(`option ${name} has no value: ${name}= ${key.values}`);
    if (seen.has(name)) return fail(`option ${name} is given twice`);
    seen.add(name);
    const read = key.read(value);
    if (!read) return fail(`option ${name}: ${JSON.stringify(value)} found; known: ${key.values}`);
    options = { ...options, ...read };
  }
  const { cacheTypeV, flashAttention, repack, variant } = options;
  if (needsFusion(options) && !flashAttention) {
    fail(`ctv=${cacheTypeV} needs fa=on: llama.cpp quantizes the V cache for its fused attention only`);
  }
  const ofCpu = variant === undefined ? (repack ? 'repack=on' : undefined) : `variant=${variant}`;
  if (ofCpu !== undefined && device !== 'cpu') fail(`${ofCpu} is for llama:cpu, not for ${device}`);
  return options;
}

/** Whether llama.cpp refuses them without flash attention (`llama_init_from_model` in src/llama-context.cpp). */
export function needsFusion({ cacheTypeV = 'f16' }: LlamaOptions): boolean {
  return !UNQUANTIZED.includes(cacheTypeV);
}

/** The options as a trace's provenance records them; nothing where all are llama.cpp's own here. */
export function provenanceOfOptions(options: LlamaOptions): Readonly<Record<string, string>> {
  const { cacheTypeK, cacheTypeV, flashAttention, repack, variant } = options;
  return {
    ...(flashAttention ? { flashAttention: 'on' } : {}),
    ...(repack ? { repackWeights: 'on' } : {}),
    ...(cacheTypeK === undefined ? {} : { cacheTypeK }),
    ...(cacheTypeV === undefined ? {} : { cacheTypeV }),
    ...(variant === undefined ? {} : { variant }),
  };
}
