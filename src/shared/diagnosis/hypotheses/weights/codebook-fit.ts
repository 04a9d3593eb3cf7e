/**
 * Which values of a codebook are wrong, and what they are instead: a result is linear in them,
 *
 *     wrong − right = Σ over slots of δ[slot] × (what the slot's elements add to the result, per unit of value)
 *
 * so that one value is a regression with one unknown over all results looked at; up to three are found one after
 * another and then solved together.
 */
import { valuesOf } from '../../site';
import type { Site } from '../../site';
import type { GraphTensor } from '../../../graph/graph';
import { QUANT_FORMATS, rowBytes } from '../../../quant/registry';
import type { BlockRecipe } from './block-parts';
import { newParts } from './block-parts';
import { gridOf } from './grid-recipes';
import { dataOf } from './weight-site';

/** What a slot is: a value that codes stand for, or one place of one entry of a codebook. */
export type SlotKind = 'value' | 'entry';

export interface SlotChange {
  readonly slot: number;
  readonly delta: number;
}

export interface CodebookFit {
  readonly changes: readonly SlotChange[];
  /** Share of the squared error that they explain. */
  readonly share: number;
}

/** Results looked at: rows of the weight, columns of the result. */
const MOST_ROWS = 96;
const MOST_COLUMNS = 8;
/** Elements of gathered rows looked at. */
const MOST_ELEMENTS = 2048;
/** Numbers in all equations together. */
const MOST_NUMBERS = 1 << 22;
const MOST_CHANGES = 3;
/** A further value has to explain this much more. */
const GAIN = 0.02;

/** One column of the result: with which plane of the weight and which activations it is made. */
interface Column {
  readonly plane: number;
  readonly x: number;
  readonly out: number;
}

/** Fits with one, two, three changed values, as long as each explains more. Empty where nothing can be compared. */
export function fitCodebook(
  site: Site,
  weight: GraphTensor,
  recipe: BlockRecipe,
  kind: SlotKind,
): readonly CodebookFit[] {
  const slots = slotCount(recipe, kind);
  const find = site.node.kind === 'GET_ROWS' ? gatheredEquations : equationsOf;
  const { rows: equations, errors } = find(site, weight, recipe, kind, slots);
  const energy = errors.reduce((sum, e) => sum + e * e, 0);
  if (!(energy > 0)) return [];
  const fits: CodebookFit[] = [];
  const chosen: number[] = [];
  let residual = errors;
  while (chosen.length < MOST_CHANGES) {
    const best = bestSlot(equations, residual, slots, chosen);
    if (best === undefined) break;
    chosen.push(best);
    const deltas = solved(equations, errors, slots, chosen);
    residual = errors.map(
      (e, i) => e - chosen.reduce((sum, slot, j) => sum + deltas[j]! * equations[i * slots + slot]!, 0),
    );
    const share = 1 - residual.reduce((sum, e) => sum + e * e, 0) / energy;
    if (share < (fits.at(-1)?.share ?? 0) + GAIN) break;
    fits.push({ share, changes: chosen.map((slot, j) => ({ slot, delta: deltas[j]! })) });
  }
  return fits;
}

function slotCount(recipe: BlockRecipe, kind: SlotKind): number {
  return kind === 'value' ? recipe.values.length : (gridOf(recipe.type)?.grid.length ?? 0);
}

function columnsOf(site: Site, weight: GraphTensor): readonly Column[] {
  const { node, wrong } = site;
  const [n0, n1, n2] = node.ne;
  const [k] = weight.ne;
  const all: Column[] = [];
  if (!wrong) return all;
  if (node.kind === 'MUL_MAT' && weight.ne[2] * weight.ne[3] === 1) {
    for (let c = 0; c < n1 && all.length < MOST_COLUMNS; c++) all.push({ plane: 0, x: c * k, out: c * n0 });
  } else if (node.kind === 'MUL_MAT_ID') {
    const ids = valuesOf(site, 2);
    const perToken = valuesOf(site, 1).length / (k * n2);
    for (let c = 0; c < n1 * n2 && all.length < MOST_COLUMNS; c++) {
      const x = (Math.floor(c / n1) * perToken + ((c % n1) % perToken)) * k;
      all.push({ plane: ids[c]!, x, out: c * n0 });
    }
  }
  return all;
}

interface Equations {
  /** One row of `slots` numbers per equation. */
  readonly rows: Float32Array;
  readonly errors: Float64Array;
}

function equationsOf(site: Site, weight: GraphTensor, recipe: BlockRecipe, kind: SlotKind, slots: number): Equations {
  const columns = columnsOf(site, weight);
  const { wrong, right, mask } = site;
  const [k, n] = weight.ne;
  const step = Math.max(1, Math.ceil(n / MOST_ROWS));
  const rows = new Float32Array(columns.length * Math.ceil(n / step) * slots);
  const errors: number[] = [];
  if (!wrong || columns.length === 0) return { rows, errors: new Float64Array(0) };
  const x = valuesOf(site, 1);
  const bytes = new Uint8Array(rowBytes(recipe.type, k));
  const data = dataOf(site, weight);
  const elements = { factor: new Float64Array(k), slot: new Uint16Array(k) };
  for (let r = 0; r < n; r += step) {
    let plane = -1;
    for (const column of columns) {
      const at = column.out + r;
      const error = wrong[at]! - right[at]!;
      if (mask?.[at] === 0 || !Number.isFinite(error)) continue;
      if (column.plane !== plane) {
        plane = column.plane;
        data.copyInto((plane * n + r) * bytes.length, bytes.length, bytes, 0);
        takeRow(bytes, recipe, kind, elements);
      }
      const o = errors.length * slots;
      for (let i = 0; i < k; i++) rows[o + elements.slot[i]!]! += elements.factor[i]! * x[column.x + i]!;
      errors.push(error);
    }
  }
  return { rows, errors: Float64Array.from(errors) };
}

/** Rows as they are decoded: an element is its slot's value times its factor, so each is an equation with one unknown. */
function gatheredEquations(
  site: Site,
  weight: GraphTensor,
  recipe: BlockRecipe,
  kind: SlotKind,
  slots: number,
): Equations {
  const { wrong, right, mask } = site;
  const [k, n] = weight.ne;
  const ids = valuesOf(site, 1).subarray(0, MOST_COLUMNS);
  if (!wrong || weight.ne[2] * weight.ne[3] !== 1) return { rows: new Float32Array(0), errors: new Float64Array(0) };
  const most = Math.min(MOST_ELEMENTS, Math.floor(MOST_NUMBERS / slots));
  const step = Math.max(1, Math.ceil((k * ids.length) / most));
  const rows = new Float32Array(Math.ceil(k / step) * ids.length * slots);
  const errors: number[] = [];
  const bytes = new Uint8Array(rowBytes(recipe.type, k));
  const data = dataOf(site, weight);
  const elements = { factor: new Float64Array(k), slot: new Uint16Array(k) };
  ids.forEach((id, t) => {
    if (!(id >= 0 && id < n)) return;
    data.copyInto(id * bytes.length, bytes.length, bytes, 0);
    takeRow(bytes, recipe, kind, elements);
    for (let i = 0; i < k; i += step) {
      const at = t * k + i;
      const error = wrong[at]! - right[at]!;
      if (mask?.[at] === 0 || !Number.isFinite(error)) continue;
      rows[errors.length * slots + elements.slot[i]!] = elements.factor[i]!;
      errors.push(error);
    }
  });
  return { rows, errors: Float64Array.from(errors) };
}

interface RowElements {
  /** What an element adds per unit of its slot's value. */
  readonly factor: Float64Array;
  readonly slot: Uint16Array;
}

function takeRow(src: Uint8Array, recipe: BlockRecipe, kind: SlotKind, { factor, slot }: RowElements): void {
  const parts = newParts();
  const grid = gridOf(recipe.type);
  const { blockBytes } = QUANT_FORMATS[recipe.type];
  const { elements, sub } = recipe;
  for (let p = 0, o = 0; p < src.length; p += blockBytes, o += elements) {
    recipe.take(src, p, parts);
    for (let e = 0; e < elements; e++) {
      factor[o + e] = parts.d * parts.scales[Math.floor(e / sub)]! * parts.signs[e]!;
      slot[o + e] = parts.codes[e]!;
    }
    if (kind === 'value' || !grid) continue;
    const { width } = grid;
    for (let e = 0; e < elements; e++) slot[o + e] = grid.entry(src, p, Math.floor(e / width)) * width + (e % width);
  }
}

function bestSlot(
  rows: Float32Array,
  residual: Float64Array,
  slots: number,
  chosen: readonly number[],
): number | undefined {
  const along = new Float64Array(slots);
  const size = new Float64Array(slots);
  residual.forEach((error, i) => {
    for (let s = 0, at = i * slots; s < slots; s++, at++) {
      const a = rows[at]!;
      if (a === 0) continue;
      along[s]! += a * error;
      size[s]! += a * a;
    }
  });
  let best: number | undefined;
  let most = 0;
  for (let s = 0; s < slots; s++) {
    const gain = size[s]! > 0 ? along[s]! ** 2 / size[s]! : 0;
    if (gain > most && !chosen.includes(s)) [best, most] = [s, gain];
  }
  return best;
}

/** Least squares over the chosen slots, by Gauss on their normal equations. */
function solved(rows: Float32Array, errors: Float64Array, slots: number, chosen: readonly number[]): readonly number[] {
  const n = chosen.length;
  const m = chosen.map((a) => [...chosen.map((b) => inner(rows, slots, a, b)), against(rows, errors, slots, a)]);
  for (let c = 0; c < n; c++) {
    for (let r = 0; r < n; r++) {
      if (r === c || m[c]![c] === 0) continue;
      const factor = m[r]![c]! / m[c]![c]!;
      for (let i = c; i <= n; i++) m[r]![i]! -= factor * m[c]![i]!;
    }
  }
  return m.map((row, r) => (row[r] === 0 ? 0 : row[n]! / row[r]!));
}

function inner(rows: Float32Array, slots: number, a: number, b: number): number {
  let sum = 0;
  for (let at = 0; at < rows.length; at += slots) sum += rows[at + a]! * rows[at + b]!;
  return sum;
}

function against(rows: Float32Array, errors: Float64Array, slots: number, a: number): number {
  return errors.reduce((sum, error, i) => sum + error * rows[i * slots + a]!, 0);
}
