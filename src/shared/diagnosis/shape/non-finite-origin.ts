/** Which weight block or input element makes one element of a result NaN or infinite. */
import { RowDecoder } from '../../gguf/decode-rows';
import type { Dims } from '../../graph/graph';
import { memoryOwner } from '../../graph/graph';
import { QUANT_FORMATS } from '../../quant/registry';
import { F16_MAX } from '../narrow-floats';
import type { Site } from '../site';
import { isWeightSource, sourceTensor } from '../site';
import { coordinate } from './elements';

/** e^x is infinite beyond: in f32 and in f16. */
const EXP_LIMITS = { f32: 88.72, f16: 11.09 } as const;

export interface NonFiniteOrigin {
  /** The weight's block, an element of an input, or values too large for 16 bits. */
  readonly what: 'weight' | 'input' | 'overflow';
  /** Name of the weight or of the input's tensor. */
  readonly tensor: string;
  /** Row of the weight and block within the tensor, where it is one. */
  readonly row?: number;
  readonly block?: number;
  /** Coordinate in the input, where it is one. */
  readonly index?: Dims;
  /** One sentence. */
  readonly text: string;
}

/**
 * Looks at what element `at` of the site's result is made of: a row of the weight and a column of the input for a
 * mat-mul, a row of the table for a look-up, the elements at the same place for the rest.
 * @returns undefined where all of it is finite and small
 */
export function nonFiniteOrigin(site: Site, at: number): NonFiniteOrigin | undefined {
  const { node } = site;
  const place = coordinate(at, node.ne);
  switch (node.op) {
    case 'MUL_MAT':
      return ofProduct(site, place, sameColumn(site, place), weightPlane(site, place));
    case 'MUL_MAT_ID':
      return ofProduct(site, place, expertColumn(site, place), chosenExpert(site, place));
    case 'GET_ROWS':
      return ofLookup(site, place);
    default:
      return ofElements(site, place);
  }
}

/** Planes of A repeat over those of the result. */
function weightPlane(site: Site, [, , i2, i3]: Dims): number {
  const a = sourceTensor(site, 0)?.ne ?? site.node.ne;
  const [, , n2, n3] = site.node.ne;
  return Math.floor(i3 / (n3 / a[3])) * a[2] + Math.floor(i2 / (n2 / a[2]));
}

function sameColumn(_: Site, [, i1, i2, i3]: Dims): Dims {
  return [0, i1, i2, i3];
}

/** The input of a slot: the same for all slots where there is one only. */
function expertColumn(site: Site, [, slot, token]: Dims): Dims {
  const slots = sourceTensor(site, 1)?.ne[1] ?? 1;
  return [0, slot % slots, token, 0];
}

function chosenExpert(site: Site, [, slot, token]: Dims): number {
  const ids = sourceTensor(site, 2);
  return (ids && site.source(2)?.[token * ids.ne[0] + slot]) ?? 0;
}

function ofProduct(site: Site, place: Dims, column: Dims, plane: number): NonFiniteOrigin | undefined {
  const [a, b] = [sourceTensor(site, 0), sourceTensor(site, 1)];
  if (!a || !b) return undefined;
  const row = plane * a.ne[1] + place[0];
  const weight = rowOfSource(site, 0, row);
  const input = rowOfSource(site, 1, (column[3] * b.ne[2] + column[2]) * b.ne[1] + column[1]);
  const inWeight = weight && isWeightSource(site, 0) ? ofWeightRow(site, weight, row) : undefined;
  if (inWeight) return inWeight;
  if (!input) return undefined;
  const k = input.findIndex((x) => !Number.isFinite(x));
  if (k >= 0) return inputElement(b.name, [k, column[1], column[2], column[3]], input[k]!);
  return weight && ofSum(weight, input, a.name, b.name, column);
}

/** What becomes too large for f16 first: an input, a weight, a product or a partial sum. */
function ofSum(
  weight: Float32Array,
  input: Float32Array,
  a: string,
  b: string,
  [, i1, i2, i3]: Dims,
): NonFiniteOrigin | undefined {
  let sum = 0;
  for (let k = 0; k < input.length; k++) {
    const [w, x] = [weight[k]!, input[k]!];
    sum += w * x;
    const index: Dims = [k, i1, i2, i3];
    const told = [
      [x, `Input element [${index.join(', ')}] of ${b}`],
      [w, `Element ${k} of the row of ${a}`],
      [w * x, `The product at ${k} of ${a} and ${b}`],
      [sum, `The sum up to element ${k} of ${a} and ${b}`],
    ] as const;
    const beyond = told.find(([value]) => Math.abs(value) > F16_MAX);
    if (beyond) return tooLarge(b, index, beyond[0], beyond[1]);
  }
  return undefined;
}

function tooLarge(tensor: string, index: Dims, value: number, what: string): NonFiniteOrigin {
  const text = `${what} is ${value.toPrecision(5)}, beyond f16’s ${F16_MAX}.`;
  return { what: 'overflow', tensor, index, text };
}

function ofLookup(site: Site, [, i1, i2, i3]: Dims): NonFiniteOrigin | undefined {
  const table = sourceTensor(site, 0);
  const ids = sourceTensor(site, 1);
  const row = ids && site.source(1)?.[(i3 * ids.ne[1] + i2) * ids.ne[0] + i1];
  if (!table || row === undefined || !isWeightSource(site, 0)) return undefined;
  const values = rowOfSource(site, 0, (i3 * table.ne[2] + i2) * table.ne[1] + row);
  return values && ofWeightRow(site, values, row);
}

/** The first block of a weight's row that decodes to something not finite. */
function ofWeightRow(site: Site, values: Float32Array, row: number): NonFiniteOrigin | undefined {
  const k = values.findIndex((v) => !Number.isFinite(v));
  const t = sourceTensor(site, 0);
  if (k < 0 || !t) return undefined;
  const owner = memoryOwner(site.graph, t);
  const { blockElements } = QUANT_FORMATS[owner.type];
  const block = row * (owner.ne[0] / blockElements) + Math.floor(k / blockElements);
  const text = `Block ${block} of ${owner.name} (${owner.type}; row ${row}, column ${k}) decodes to ${named(values[k]!)}.`;
  return { what: 'weight', tensor: owner.name, row, block, text };
}

/** One row of a source, counted over all planes. */
function rowOfSource(site: Site, index: number, row: number): Float32Array | undefined {
  const t = sourceTensor(site, index);
  if (!t) return undefined;
  const [n] = t.ne;
  const given = site.source(index);
  if (given) return given.subarray(row * n, (row + 1) * n);
  const owner = memoryOwner(site.graph, t);
  const tensor = owner.id === t.id ? site.weights.tensor(owner.name) : undefined;
  if (!tensor || row >= t.ne[1] * t.ne[2] * t.ne[3]) return undefined;
  const out = new Float32Array(n);
  new RowDecoder().decode(tensor, row, 1, out);
  return out;
}

/** Inputs at the same place, repeated where they are smaller. */
function ofElements(site: Site, place: Dims): NonFiniteOrigin | undefined {
  const { node } = site;
  for (const index of node.src.keys()) {
    const t = sourceTensor(site, index);
    if (!t || t.ne.some((n, d) => n === 0 || node.ne[d]! % n !== 0)) continue;
    const at = place.map((i, d) => i % t.ne[d]!) as unknown as Dims;
    const value = rowOfSource(site, index, (at[3] * t.ne[2] + at[2]) * t.ne[1] + at[1])?.[at[0]];
    if (value === undefined) continue;
    if (!Number.isFinite(value)) return inputElement(t.name, at, value);
    const large = Math.abs(value) > EXP_LIMITS.f16 ? largeInput(t.name, at, value) : undefined;
    if (large) return large;
  }
  return undefined;
}

function largeInput(tensor: string, index: Dims, value: number): NonFiniteOrigin | undefined {
  const what = `Input element [${index.join(', ')}] of ${tensor}`;
  if (Math.abs(value) > F16_MAX) return tooLarge(tensor, index, value, what);
  const type = Math.abs(value) > EXP_LIMITS.f32 ? 'f32' : 'f16';
  const text = `${what} is ${value.toPrecision(5)}: its exp overflows in ${type}.`;
  return { what: 'overflow', tensor, index, text };
}

function inputElement(tensor: string, index: Dims, value: number): NonFiniteOrigin {
  return { what: 'input', tensor, index, text: `Input element [${index.join(', ')}] of ${tensor} is ${named(value)}.` };
}

function named(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'infinity' : '−infinity';
}
