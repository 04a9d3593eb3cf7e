/** What hypotheses on gated linear units share: the two halves, however they are packed. */
import type { GluKind } from '../../../ops/glu';
import { GGML_GLU_OPS } from '../../../graph/ggml-op';
import { memoryOwner, tensorOf } from '../../../graph/graph';
import { intParam } from '../../../ops/op';
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';

export interface Halves {
  readonly gate: Float32Array;
  readonly up: Float32Array;
}

export function isGlu(kind: string): kind is GluKind {
  return (GGML_GLU_OPS as readonly string[]).includes(kind);
}

/** Gate and up as the node reads them, of the result's size each. */
export function halvesOf(site: Site): Halves {
  const { node } = site;
  const first = valuesOf(site, 0);
  if (node.src[1] !== undefined) return { gate: first, up: valuesOf(site, 1) };
  const [n] = node.ne;
  const width = sourceTensor(site, 0)?.ne[0] ?? 2 * n;
  const swapped = intParam(node.opParams, 1) !== 0;
  const [one, other] = [part(first, width, 0, n, 1), part(first, width, n, n, 1)];
  return swapped ? { gate: other, up: one } : { gate: one, up: other };
}

/**
 * Gate and up as pairs of neighbours in rows that hold them one after another; undefined where the node reads them from
 * two results.
 */
export function interleavedHalves(site: Site): Halves | undefined {
  const { node, graph } = site;
  const [n] = node.ne;
  const packed = packedRows(site);
  if (!packed) return undefined;
  const swapped = node.src[1] === undefined && intParam(node.opParams, 1) !== 0;
  const [even, odd] = [part(packed, 2 * n, 0, n, 2), part(packed, 2 * n, 1, n, 2)];
  const [a, b] = node.src;
  const reversed =
    (a !== undefined && b !== undefined && tensorOf(graph, a).viewOffs > tensorOf(graph, b).viewOffs) || swapped;
  return reversed ? { gate: odd, up: even } : { gate: even, up: odd };
}

/** Whether both halves lie in one result. */
export function isPacked(site: Site): boolean {
  const { node, graph } = site;
  const [a, b] = [0, 1].map((i) => sourceTensor(site, i));
  if (!a || !b) return a?.ne[0] === 2 * node.ne[0];
  return memoryOwner(graph, a).id === memoryOwner(graph, b).id && a.viewOffs !== b.viewOffs;
}

/** Rows of 2n values, first half before second half. */
function packedRows(site: Site): Float32Array | undefined {
  const [a, b] = [0, 1].map((i) => sourceTensor(site, i));
  const [n] = site.node.ne;
  if (!a || !isPacked(site)) return undefined;
  if (!b) return valuesOf(site, 0);
  const [one, other] =
    a.viewOffs < b.viewOffs ? [valuesOf(site, 0), valuesOf(site, 1)] : [valuesOf(site, 1), valuesOf(site, 0)];
  const out = new Float32Array(2 * one.length);
  for (let from = 0; from < one.length; from += n) {
    out.set(one.subarray(from, from + n), 2 * from);
    out.set(other.subarray(from, from + n), 2 * from + n);
  }
  return out;
}

/** Of rows of `width` values, `n` from `offset` on, `step` apart. */
function part(values: Float32Array, width: number, offset: number, n: number, step: number): Float32Array {
  const rows = values.length / width;
  const out = new Float32Array(rows * n);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++) out[row * n + i] = values[row * width + offset + i * step]!;
  }
  return out;
}
