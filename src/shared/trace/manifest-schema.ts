/** The form of a manifest, and of the graph in it, as JSON holds them. */
import { z } from 'zod';
import { anyNumber, countOf, refuse } from '../base/json';
import { nodeId } from '../base/brand';
import { GGML_GLU_OPS, GGML_OPS, GGML_UNARY_OPS } from '../graph/ggml-op';
import type { GgmlOp, OpKind } from '../graph/ggml-op';
import type { Graph } from '../graph/graph';
import { GgmlType } from '../quant/ggml-type';
import type { GgmlTypeName } from '../quant/ggml-type';
import { graphFault } from './check-graph';
import type { StepManifest, TraceManifest } from './trace';

/** The newest manifest this build reads and writes. */
export const MANIFEST_SCHEMA = 'quarrel.trace/1';

/** `GGML_MAX_OP_PARAMS`, 64 bytes. */
const MAX_PARAMS = 16;

const size = countOf('a whole number from 0');
const id = size.transform(nodeId);
const dims = z.tuple([size, size, size, size], 'four whole numbers');

export const ggmlTypeSchema = z.custom<GgmlTypeName>(
  (name) => typeof name === 'string' && Object.hasOwn(GgmlType, name),
  'a type of ggml',
);

const ops: ReadonlySet<unknown> = new Set<GgmlOp>(GGML_OPS);
const subOps = { UNARY: GGML_UNARY_OPS, GLU: GGML_GLU_OPS } as const;
const kinds: ReadonlySet<unknown> = new Set<OpKind>(
  [...GGML_OPS, ...GGML_UNARY_OPS, ...GGML_GLU_OPS].filter((k): k is OpKind => k !== 'UNARY' && k !== 'GLU'),
);

const tensor = z
  .object({
    id,
    name: z.string(),
    key: z.string(),
    role: z.enum(['node', 'weight', 'input', 'state']),
    state: z.string().exactOptional(),
    carried: z.string().exactOptional(),
    op: z.custom<GgmlOp>((op) => ops.has(op), 'an op of ggml'),
    kind: z.custom<OpKind>((kind) => kinds.has(kind), 'an op of ggml'),
    opParams: z.array(z.int32('a whole number of 32 bits')).max(MAX_PARAMS, `at most ${MAX_PARAMS} numbers`),
    type: ggmlTypeSchema,
    ne: dims,
    nb: dims,
    // JSON has no hole: an absent source is null there.
    src: z.array(id.nullable().transform((source) => source ?? undefined)),
    viewSrc: id.exactOptional(),
    viewOffs: size,
  })
  .superRefine(({ op, kind, opParams }, ctx) => {
    const own = op === 'UNARY' || op === 'GLU' ? subOps[op][opParams[0] ?? -1] : op;
    if (kind !== own) refuse(ctx, `kind is ${kind}, expected ${own ?? 'a known sub-op'} by its op and opParams`);
  });

export const graphSchema: z.ZodType<Graph> = z
  .object({ tensors: z.array(tensor), order: z.array(id) })
  .superRefine((graph, ctx) => {
    const fault = graphFault(graph);
    if (fault !== undefined) refuse(ctx, fault);
  });

const stats = z.object({
  ...{ count: anyNumber, min: anyNumber, max: anyNumber, mean: anyNumber, std: anyNumber },
  ...{ l2: anyNumber, sum: anyNumber, nan: anyNumber, inf: anyNumber },
  first: z.array(anyNumber),
});

const tokens = z.array(z.int('a token id'));
const pieces = z.array(z.string());

const step: z.ZodType<StepManifest> = z.object({
  tokens,
  past: size,
  pieces: pieces.exactOptional(),
  graph: graphSchema.exactOptional(),
  sameGraphAs: size.exactOptional(),
});

export const manifestSchema: z.ZodType<TraceManifest> = z
  .object({
    schema: z.literal(MANIFEST_SCHEMA),
    model: z.string().default(''),
    graph: graphSchema.exactOptional(),
    stats: z.record(z.string(), stats).default({}),
    timings: z.record(z.string(), anyNumber).default({}),
    notMeasured: z.array(z.object({ node: z.string(), op: z.string(), reason: z.string() })).default([]),
    pieces: pieces.exactOptional(),
    provenance: z.record(z.string(), z.string()).default({}),
    past: size.exactOptional(),
    steps: z.array(step).exactOptional(),
  })
  .superRefine(({ graph, steps = [] }, ctx) => {
    steps.forEach(({ sameGraphAs: as }, i) => {
      if (as === undefined) return;
      const own = as === 0 ? graph : as <= i ? steps[as - 1]?.graph : undefined;
      if (!own) refuse(ctx, `sameGraphAs is ${as}, expected a step before it that holds a graph`, ['steps', i]);
    });
  });
