/** What an executor takes a weight row to be, found by asking it with chosen inputs. */
import { ASKED_ROUNDING } from '../compare/tolerance';

/** The row's results on `tokens` columns of inputs; undefined where it cannot be asked. */
export type AskRow = (b: Float32Array) => Promise<Float32Array | undefined>;

export interface AskedRow {
  /** The row as the reference decodes it. */
  readonly reference: Float32Array;
  /** Columns that are asked at once: as many as the node has, so that the same kernel answers. */
  readonly tokens: number;
  readonly blockElements: number;
}

/**
 * The block of the row where the executor's weights are furthest from the reference's, and its weights there. Undefined
 * where it has the right ones, or cannot be asked.
 */
export async function blockOfRow(
  row: AskedRow,
  ask: AskRow,
): Promise<{ readonly block: number; readonly values: Float32Array } | undefined> {
  const block = await worstBlock(row, ask);
  if (block === undefined) return undefined;
  const { reference, tokens, blockElements } = row;
  const first = block * blockElements;
  const values = new Float32Array(blockElements);
  for (let start = 0; start < blockElements; start += tokens) {
    const count = Math.min(tokens, blockElements - start);
    const b = new Float32Array(reference.length * tokens);
    for (let t = 0; t < count; t++) b[t * reference.length + first + start + t] = 1;
    const answers = await ask(b);
    if (!answers) return undefined;
    values.set(answers.subarray(0, count), start);
  }
  return { block, values };
}

/** Asks with inputs that are zero but for one block in each column. */
async function worstBlock({ reference, tokens, blockElements }: AskedRow, ask: AskRow): Promise<number | undefined> {
  const blocks = reference.length / blockElements;
  let worst: { block: number; size: number } | undefined;
  for (let start = 0; start < blocks; start += tokens) {
    const count = Math.min(tokens, blocks - start);
    const b = new Float32Array(reference.length * tokens);
    for (let t = 0; t < count; t++) fillBlock(b, t * reference.length + (start + t) * blockElements, blockElements);
    const answers = await ask(b);
    // a NaN anywhere in the row answers every question alike
    if (!answers?.subarray(0, count).every(Number.isFinite)) return undefined;
    for (let t = 0; t < count; t++) {
      const size = Math.abs((answers[t] as number) - askRow(reference, b, t));
      if (size > ASKED_ROUNDING * absoluteSum(reference, b, t) && (!worst || size > worst.size)) {
        worst = { block: start + t, size };
      }
    }
  }
  return worst?.block;
}

/** Different for every element, so that neither swapped nor shifted weights go unnoticed. */
function fillBlock(b: Float32Array, first: number, count: number): void {
  for (let i = 0; i < count; i++) b[first + i] = 1 + ((i * 37) % 64) / 64;
}

/** Row times column `t` of the inputs, in f64. */
export function askRow(row: Float32Array, b: Float32Array, t: number): number {
  let sum = 0;
  for (let i = 0, at = t * row.length; i < row.length; i++, at++) sum += (row[i] as number) * (b[at] as number);
  return sum;
}

function absoluteSum(row: Float32Array, b: Float32Array, t: number): number {
  let sum = 0;
  for (let i = 0, at = t * row.length; i < row.length; i++, at++)
    sum += Math.abs((row[i] as number) * (b[at] as number));
  return sum;
}
