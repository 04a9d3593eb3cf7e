/** `repro.json`: what a repro folder says of itself. */
import { z } from 'zod';
import { anyNumber, countOf, parseJson } from '../../shared/base/json';
import type { BadNode } from '../../shared/divergence/verdict';
import type { Dims } from '../../shared/graph/graph';
import type { Arithmetic } from '../../shared/ops/arithmetic';
import type { NamedParams } from '../../shared/ops/named-params';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { ggmlTypeSchema } from '../../shared/trace/manifest-schema';
import type { TraceDtype } from '../../shared/trace/trace';
import { DTYPE_BYTES } from '../../shared/trace/safetensors';

export const REPRO_SCHEMA = 'quarrel.repro/1';

/** Names inside the folder. */
export const REPRO_FILES = {
  document: 'repro.json',
  tensors: 'tensors.safetensors',
  weights: 'weights.gguf',
  shaders: 'shaders',
  readme: 'README.md',
} as const;

/** What the keys of `tensors.safetensors` begin with; the rest is the key of a tensor of the graph. */
export const PREFIX = {
  /** Inputs of the graph, and results of the nodes before, that the part reads. */
  input: 'input.',
  /** A KV cache or recurrent state as it was before the part ran; zeros where it is absent. */
  state: 'state.',
  expected: 'expected.',
  wrong: 'wrong.',
  /** 1 where the candidate's dump has an element of its own; absent where it has all. */
  mask: 'mask.',
} as const;

/** One node of the part, for people: the graph that `replay` runs lies in the manifest of `tensors.safetensors`. */
export interface ReproNode {
  readonly key: string;
  readonly op: string;
  readonly params: NamedParams;
  /** ggml's 16 int32, raw. */
  readonly opParams: readonly number[];
  readonly type: string;
  /** ggml order, ne[0] fastest. */
  readonly ne: readonly number[];
  /** What it reads; null for an absent source. */
  readonly sources: readonly (ReproSource | null)[];
}

/** A tensor that a node reads: a look at memory that it owns or another tensor does. */
export interface ReproSource {
  readonly key: string;
  /** Key of the tensor in whose memory it lies; its own where it is no view. */
  readonly memory: string;
  readonly type: string;
  readonly ne: readonly number[];
  /** Strides, and where it begins in that memory; bytes, in the type of that tensor. */
  readonly nb: readonly number[];
  readonly offset: number;
}

/** A tensor of the files, as whoever loads them needs it. */
export interface ReproTensor {
  /** Its key in `tensors.safetensors`, or its name in `weights.gguf`. */
  readonly key: string;
  readonly file: string;
  /** In memory, where the strides of the sources count: given results are stored as F32 whatever their type. */
  readonly type: string;
  readonly ne: readonly number[];
}

/** How the proved cause is found again among the hypotheses. */
export interface ReproHypothesis {
  readonly id: string;
  /** Of the attempt, unique among those of the hypothesis. */
  readonly attempt: string;
  /** Where a number was estimated. */
  readonly value: number | null;
  readonly arithmetic: Arithmetic;
  /** Weights of the model that are looked at to list the attempts, but hold nothing that the result is made of. */
  readonly looksAt: readonly { readonly name: string; readonly type: GgmlTypeName; readonly ne: Dims }[];
}

export interface ReproFile {
  readonly holds: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ReproDocument {
  readonly schema: typeof REPRO_SCHEMA;
  readonly model: string;
  readonly tokens: readonly number[];
  /** 0: the prompt; k: decode step k. */
  readonly step: number;
  /** LANE strings. */
  readonly reference: string;
  readonly candidate: string;
  /** The bad node: its key; the others are the nodes that run before it. */
  readonly node: string;
  /** In the order in which they run; the bad node is the last. */
  readonly nodes: readonly ReproNode[];
  /** Everything that the part reads from outside. */
  readonly inputs: readonly ReproTensor[];
  /** Stored type of the candidate's activations. */
  readonly dtype: string;
  /** The correct ways that judged. */
  readonly arithmetics: readonly Arithmetic[];
  /** NMSE between correct ways here, and how many times that makes a node bad. */
  readonly noiseFloor: number;
  readonly margin: number;
  /** As in the verdict, cause and parameters included. */
  readonly bad: BadNode;
  /** How the wrong result is made again; null where neither kernels nor a proved cause can. */
  readonly replay: { readonly kernels: 'webgpu' | 'reference' | null; readonly hypothesis: ReproHypothesis | null };
  /** By name in the folder. */
  readonly files: Readonly<Record<string, ReproFile>>;
}

const names = z.array(z.string());
const arithmetic = z.enum(['exact', 'ggml', 'f16', 'bf16', 'f16-sums'] satisfies readonly Arithmetic[]);
const size = countOf('a whole number from 0');
const dims = z.tuple([size, size, size, size], 'four whole numbers');

const weight = z.looseObject({
  name: z.string(),
  type: ggmlTypeSchema,
  ne: dims,
});

const schema = z.looseObject({
  schema: z.literal(REPRO_SCHEMA),
  model: z.string(),
  tokens: z.array(z.int()),
  step: z.int().nonnegative(),
  reference: z.string(),
  candidate: z.string(),
  node: z.string(),
  nodes: z.array(z.looseObject({ key: z.string(), op: z.string(), ne: dims })).min(1),
  dtype: z.enum(Object.keys(DTYPE_BYTES) as TraceDtype[]),
  arithmetics: z.array(arithmetic).refine((all) => all.includes('exact'), 'a list with "exact" in it'),
  noiseFloor: anyNumber,
  margin: anyNumber,
  bad: z.looseObject({
    node: z.string(),
    stretch: names,
    writes: names,
    localNmse: anyNumber,
    worst: z.looseObject({ index: dims, reference: anyNumber, candidate: anyNumber }),
    cause: z.looseObject({ id: z.string(), title: z.string() }).nullable(),
  }),
  replay: z.looseObject({
    kernels: z.enum(['webgpu', 'reference']).nullable(),
    hypothesis: z
      .looseObject({
        id: z.string(),
        attempt: z.string(),
        value: anyNumber.nullable(),
        arithmetic,
        looksAt: z.array(weight),
      })
      .nullable(),
  }),
  files: z.record(z.string(), z.looseObject({ bytes: z.int(), sha256: z.string() })),
});

/** A `repro.json` as far as `replay` relies on it. */
export type ReadDocument = z.infer<typeof schema>;

/** Throws QuarrelError that names the first field which is not as expected. */
export function parseReproDocument(text: string, label: string): ReadDocument {
  return parseJson(text, schema, label);
}
