/** One node with ragged random inputs, as a hypothesis meets it, and how mistakes are planted in it. */
import { expect } from 'vitest';
import type { Hypothesis } from '../../../../../src/shared/diagnosis/hypothesis';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { WeightSource } from '../../../../../src/shared/gguf/model-source';
import type { GgmlOp, OpKind } from '../../../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import type { GgmlTypeName } from '../../../../../src/shared/quant/ggml-type';
import { randomWords } from '../../../../helpers/random';
import { f32Bytes, GraphBuilder, weightsOf } from '../../../ops/graph-builder';
import type { Tried } from '../../try-hypothesis';
import { bestOf, siteOf } from '../../try-hypothesis';

export interface Source {
  readonly name: string;
  readonly ne: Dims;
  readonly values: Float32Array;
  /** In the model file. */
  readonly weight?: true;
  /** The op that computes it; a leaf of inputs when absent. */
  readonly by?: GgmlOp;
  readonly type?: GgmlTypeName;
}

export interface NodeSpec {
  readonly op: GgmlOp;
  readonly kind?: OpKind;
  readonly ne: Dims;
  readonly params?: readonly number[];
  readonly type?: GgmlTypeName;
  readonly sources: readonly Source[];
  readonly name?: string;
  /** Other weights of the model. */
  readonly others?: Readonly<Record<string, Float32Array>>;
  /** Adds what stands around the node in the graph. */
  readonly around?: (graph: GraphBuilder, node: ReturnType<GraphBuilder['node']>) => void;
  readonly before?: Float32Array;
}

/** `count` reproducible values between −1 and 1. */
export function values(count: number, seed = 1, scale = 1): Float32Array {
  return Float32Array.from(randomWords(count, seed), (w) => scale * ((w / 2 ** 32) * 2 - 1));
}

/** A site without a wrong result. */
export function nodeSite(spec: NodeSpec): Site {
  const builder = new GraphBuilder();
  const ids = spec.sources.map(({ name, ne, weight, by, type = 'F32' }) =>
    by ? builder.node(name, by, ne, [], { type }) : builder.leaf(weight ? 'weight' : 'input', name, ne, type),
  );
  const { params = [], kind = spec.op as OpKind, type = 'F32' } = spec;
  const id = builder.node(spec.name ?? 'node-1', spec.op, spec.ne, ids, { params, kind, type });
  spec.around?.(builder, id);
  const graph = builder.build();
  return siteOf({
    graph,
    node: tensorOf(graph, id),
    sources: spec.sources.map((s) => (s.weight ? undefined : s.values)),
    weights: weightsFor(spec),
    ...(spec.before ? { before: spec.before } : {}),
  });
}

function weightsFor({ sources, others = {} }: NodeSpec): WeightSource {
  const inFile = sources.filter((s) => s.weight);
  return weightsOf({
    ...Object.fromEntries(inFile.map((s) => [s.name, { type: 'F32', ne: s.ne, bytes: f32Bytes([...s.values]) }])),
    ...Object.fromEntries(
      Object.entries(others).map(([name, v]) => [
        name,
        { type: 'F32', ne: [v.length, 1, 1, 1], bytes: f32Bytes([...v]) },
      ]),
    ),
  });
}

/** The site with the wrong result that a mistake makes. */
export function withWrong(site: Site, wrong: ArrayLike<number>): Site {
  return { ...site, wrong: Float32Array.from(wrong) };
}

/** An error that no mistake makes: random, of the size of the values. */
export function unrelated(site: Site): Site {
  let energy = 0;
  for (const r of site.right) energy += Number.isFinite(r) ? r * r : 0;
  const noise = values(site.right.length, 977, Math.sqrt(energy / site.right.length));
  return withWrong(
    site,
    site.right.map((r, i) => r + noise[i]!),
  );
}

/** Asserts that the hypothesis reproduces the wrong result, by the expected way, and nothing of an unrelated error. */
export async function expectExplained(
  hypothesis: Hypothesis,
  site: Site,
  wrong: ArrayLike<number>,
  label: string,
): Promise<Tried> {
  const tried = await bestOf(hypothesis, withWrong(site, wrong));
  expect(tried, `${hypothesis.id} applies`).toBeDefined();
  expect(tried?.share, `${hypothesis.id}: ${label}`).toBeGreaterThan(0.99);
  expect(tried?.label).toBe(label);
  const other = await bestOf(hypothesis, unrelated(site));
  expect(other?.share ?? 0, `${hypothesis.id} on an unrelated error`).toBeLessThan(0.5);
  return tried as Tried;
}
