import { describe, expect, it } from 'vitest';
import { QuarrelError } from '../../../src/shared/base/errors';
import type { Graph, GraphTensor } from '../../../src/shared/graph/graph';
import { entriesFault } from '../../../src/shared/trace/check-entries';
import { decodeManifest, encodeManifest } from '../../../src/shared/trace/manifest';
import type { TraceManifest } from '../../../src/shared/trace/trace';

function tensor(id: number, fields: object): GraphTensor {
  const key = `t${id}`;
  const plain = { id, name: key, key, role: 'node', op: 'ADD', kind: 'ADD', opParams: [], type: 'F32', viewOffs: 0 };
  return { ...plain, ne: [4, 1, 1, 1], nb: [4, 16, 16, 16], src: [], ...fields } as unknown as GraphTensor;
}

const leaf = { role: 'input', op: 'NONE', kind: 'NONE' };
const graph = (...changes: readonly object[]): Graph => {
  const tensors = [leaf, { src: [0, undefined, 0] }, { src: [1], viewSrc: 1, op: 'VIEW', kind: 'VIEW' }];
  return {
    tensors: tensors.map((fields, id) => tensor(id, { ...fields, ...changes[id] })),
    order: [1, 2],
  } as unknown as Graph;
};
const manifest = (fields: object): TraceManifest =>
  ({
    schema: 'quarrel.trace/1',
    model: 'm',
    stats: {},
    timings: {},
    notMeasured: [],
    provenance: {},
    ...fields,
  }) as never;
const decoded = (fields: object): TraceManifest => decodeManifest(encodeManifest(manifest(fields)), 'f');

describe('a manifest', () => {
  it('comes back as it was, absent sources and numbers that JSON cannot hold included', () => {
    const stats = {
      x: { count: 1, min: NaN, max: Infinity, mean: 0, std: 0, l2: 0, sum: 0, nan: 1, inf: 0, first: [NaN] },
    };
    const steps = [{ tokens: [5], past: 3, sameGraphAs: 0 }];
    const whole = manifest({ graph: graph(), stats, timings: { x: 1.5 }, past: 0, steps });
    expect(decodeManifest(encodeManifest(whole), 'f')).toEqual(whole);
  });

  it.each([
    ['stats without first', { stats: { a: {} } }, /stats\.a: "count" is missing; a number, or "NaN"/],
    ['stats of null', { stats: { a: null } }, /stats\.a is null; an object expected/],
    ['steps that are a number', { steps: 1 }, /steps is 1; a list expected/],
    ['a step of null', { steps: [null] }, /steps\[0\] is null; an object expected/],
    ['a step without tokens', { steps: [{ past: 1 }] }, /steps\[0\]: "tokens" is missing; a list expected/],
    [
      'the graph of a later step',
      { steps: [{ tokens: [1], past: 1, sameGraphAs: 2 }] },
      /steps\[0\]: sameGraphAs is 2/,
    ],
    ['an empty graph', { graph: {} }, /graph: "tensors" is missing; a list expected/],
    [
      'an order of what is not there',
      { graph: { tensors: [], order: [0] } },
      /graph: order\[0\] is 0, expected one of 0/,
    ],
    ['an order of texts', { graph: { tensors: [], order: ['s'] } }, /graph\.order\[0\] is "s"; a whole number/],
    ['another schema', { schema: 'quarrel.trace/9' }, /schema is "quarrel\.trace\/9"; "quarrel\.trace\/1" expected/],
    [
      'a name of JavaScript for a type',
      { graph: graph({ type: 'constructor' }) },
      /tensors\[0\]\.type is "constructor"; a type of ggml/,
    ],
    ['an unknown op', { graph: graph({}, { op: 'toString' }) }, /tensors\[1\]\.op is "toString"; an op of ggml/],
    ['op and kind that differ', { graph: graph({}, { kind: 'MUL' }) }, /tensors\[1\]: kind is MUL, expected ADD/],
    [
      'negative strides',
      { graph: graph({ nb: [-4, 16, 16, 16] }) },
      /tensors\[0\]\.nb\[0\] is -4; a whole number from 0/,
    ],
    ['no sources', { graph: graph({}, { src: undefined }) }, /tensors\[1\]: "src" is missing; a list expected/],
    ['an id of its own', { graph: graph({ id: 7 }) }, /tensors\[0\] \(t0\): id 7, expected 0/],
    ['a key twice', { graph: graph({}, { key: 't0' }) }, /tensors\[1\]: key "t0" is that of another tensor/],
    [
      'a node that reads itself',
      { graph: graph({}, { src: [1] }) },
      /tensors\[1\] \(t1\): src\[0\] is 1, expected a tensor before/,
    ],
    ['a view of what comes later', { graph: graph({}, { viewSrc: 2 }) }, /tensors\[1\] \(t1\): viewSrc is 2/],
    ['a view of a view', { graph: graph({}, { viewSrc: 0 }) }, /tensors\[2\] \(t2\): viewSrc 1 is a view itself/],
    ['a view past the end', { graph: graph({}, {}, { viewOffs: 4 }) }, /the view ends at byte 20 of t1, which has 16/],
    ['half a block', { graph: graph({ type: 'Q8_0' }) }, /ne\[0\] is 4, expected a multiple of Q8_0's block of 32/],
    ['a shape beyond all memory', { graph: graph({ ne: [2 ** 40, 2 ** 40, 1, 1] }) }, /is more than any memory/],
    ['strides with gaps', { graph: graph({ nb: [8, 32, 32, 32] }) }, /leave gaps, and it is no view/],
    ['an order with a leaf', { graph: { ...graph(), order: [0, 1, 2] } }, /order\[0\] is t0, a input, expected a node/],
    [
      'an order that runs one twice',
      { graph: { ...graph(), order: [1, 2, 1] } },
      /order\[2\] is t1, which ran already/,
    ],
    [
      'an order that reads too early',
      { graph: { ...graph(), order: [2, 1] } },
      /order: t2 runs before a node that it reads/,
    ],
    ['an order without a node', { graph: { ...graph(), order: [1] } }, /order: the node t2 never runs/],
  ])('with %s is refused in one line that says where', (_, fields, message) => {
    expect(() => decoded(fields)).toThrow(QuarrelError);
    expect(() => decoded(fields)).toThrow(message);
  });

  it('whose checkpoints have another shape than its graph is refused, step by step', () => {
    const steps = [{ tokens: [5], past: 3, sameGraphAs: 0 }] as const;
    const whole = manifest({ graph: graph(), steps });
    const entry = (key: string, shape: readonly number[]) => ({ key, dtype: 'F32', shape }) as const;
    expect(entriesFault(whole, [entry('t1', [2, 2]), entry('own', [7]), entry('step1/t1', [4])])).toBeUndefined();
    expect(entriesFault(whole, [entry('step1/t1', [5])])).toBe(
      "tensor step1/t1 has the shape [5], expected ne [4, 1, 1, 1] as in the manifest's graph",
    );
  });
});
