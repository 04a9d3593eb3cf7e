/**
 * The weight block behind a wrong result, on both sides: what the bytes are, what the reference makes of them, and what
 * the candidate made of them.
 */
import { BLOCK_ANATOMY } from '../compare/decode-anatomy';
import { SAME_WEIGHT } from '../compare/tolerance';
import type { WeightFinding } from '../divergence/cause';
import type { WeightTensor } from '../gguf/model-source';
import type { GraphTensor } from '../graph/graph';
import { tensorOf } from '../graph/graph';
import { QUANT_FORMATS, rowBytes } from '../quant/registry';
import { defined } from '../base/assert';
import { askRow, blockOfRow } from './ask-row';
import type { ProvedTrial } from './attempt';
import type { Replay } from './replay';
import { replayOfRows } from './sampled-replay';
import { solveBlock } from './solve-block';

/**
 * The candidate's own result at the judged node with other values for source 1, all else as it was; undefined where it
 * cannot be run so.
 */
export type NodeProbe = (b: Float32Array) => Promise<Float32Array | undefined>;

export interface WeightEvidence {
  readonly replay: Replay;
  readonly proved: ProvedTrial | undefined;
  /** For lanes that can be asked. */
  readonly probe: NodeProbe | undefined;
}

/** One block of the weight row that is most wrong; null where the node reads no matrix or its weights are right. */
export async function weightFinding(evidence: WeightEvidence): Promise<WeightFinding | null> {
  const { replay } = evidence;
  const id = replay.end.src[0];
  const leaf = id === undefined ? undefined : tensorOf(replay.graph, id);
  const weight = leaf?.role === 'weight' ? replay.weights.tensor(leaf.name) : undefined;
  if (!leaf || !weight || leaf.ne[2] * leaf.ne[3] !== 1 || QUANT_FORMATS[weight.type].status !== 'supported')
    return null;
  if (replay.end.kind === 'GET_ROWS') return gatheredBlock(replay, weight);
  if (replay.end.kind !== 'MUL_MAT' || replay.end.ne[2] * replay.end.ne[3] !== 1) return null;
  return multipliedBlock(evidence, leaf, weight);
}

/** A gather shows what was decoded. */
function gatheredBlock(replay: Replay, weight: WeightTensor): WeightFinding | null {
  const { wrong } = replay;
  const right = replay.right('exact');
  const ids = replay.site(replay.end, 'exact')?.source(1);
  const [n] = weight.ne;
  const at = mostWrong(right, wrong, replay.mask);
  const row = ids?.[Math.floor(at / n)];
  if (row === undefined) return null;
  const { blockElements } = QUANT_FORMATS[weight.type];
  const start = at - (at % blockElements);
  const candidate = wrong.subarray(start, start + blockElements);
  return finding(weight, row, Math.floor((at % n) / blockElements), candidate, 'read');
}

async function multipliedBlock(
  { replay, proved, probe }: WeightEvidence,
  leaf: GraphTensor,
  weight: WeightTensor,
): Promise<WeightFinding | null> {
  const site = replay.site(replay.end, 'exact');
  const inputs = site?.source(1);
  if (!site || !inputs) return null;
  const [k, rows] = weight.ne;
  const row = worstChannel(replay.right('exact'), replay.wrong, rows, replay.mask);
  const reference = decodeRow(weight, row);
  const tokens = inputs.length / k;
  const { blockElements } = QUANT_FORMATS[weight.type];
  const asked = { reference, tokens, blockElements };

  const channel = (values: Float32Array | undefined): Float32Array | undefined =>
    values && Float32Array.from({ length: tokens }, (_, t) => values[t * rows + row] as number);
  const byProbe = probe && (await blockOfRow(asked, async (b) => channel(await probe(b))));
  if (byProbe) return finding(weight, row, byProbe.block, byProbe.values, 'probe');

  const variant = proved?.at.variants.size === 1 ? proved.at.variants.get(replay.end) : undefined;
  if (variant && proved && proved.trial.hypothesis.generality < 3) {
    const alone = variant.needsAllRows ? undefined : replayOfRows(replay, leaf, [row]);
    const base = alone?.site(replay.end, 'exact') ?? site;
    const values = await blockOfRow(asked, (b) => {
      const result = variant.predict({ ...base, source: (i) => (i === 1 ? b : base.source(i)) });
      return Promise.resolve(alone ? result : channel(result));
    });
    if (values) return finding(weight, row, values.block, values.values, 'hypothesis');
  }
  const error = Float64Array.from(
    { length: tokens },
    (_, t) => replay.wrong[t * rows + row]! - askRow(reference, inputs, t),
  );
  const solved = solveBlock(error, inputs, k, blockElements);
  if (!solved) return null;
  const first = solved.block * blockElements;
  const values = solved.change.map((d, i) => d + (reference[first + i] as number));
  return finding(weight, row, solved.block, Float32Array.from(values), 'solved');
}

function finding(
  weight: WeightTensor,
  row: number,
  block: number,
  candidate: Float32Array,
  how: WeightFinding['how'],
): WeightFinding | null {
  const { blockElements, blockBytes } = QUANT_FORMATS[weight.type];
  const index = row * (weight.ne[0] / blockElements) + block;
  const bytes = new Uint8Array(blockBytes);
  weight.copyInto(index * blockBytes, blockBytes, bytes, 0);
  const reference = decodeRow(weight, row).subarray(block * blockElements, (block + 1) * blockElements);
  const { subBlock } = BLOCK_ANATOMY[weight.type];
  const largest = reference.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  const off = [...candidate.keys()].filter((i) => differs(reference[i] as number, candidate[i] as number, largest));
  if (off.length === 0) return null;
  return {
    tensor: weight.name,
    type: weight.type,
    row,
    index,
    bytes: Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(''),
    reference: [...reference],
    candidate: [...candidate],
    how,
    subBlocks: [...new Set(off.map((i) => Math.floor(i / subBlock)))],
  };
}

function differs(right: number, candidate: number, largest: number): boolean {
  return !(Math.abs(candidate - right) <= SAME_WEIGHT * largest) && !(Number.isNaN(right) && Number.isNaN(candidate));
}

export function decodeRow(weight: WeightTensor, row: number): Float32Array {
  const format = QUANT_FORMATS[weight.type];
  const [n] = weight.ne;
  const bytes = new Uint8Array(rowBytes(weight.type, n));
  weight.copyInto(row * bytes.length, bytes.length, bytes, 0);
  const values = new Float32Array(n);
  const decode = format.status === 'supported' ? format.dequantize : undefined;
  defined(decode, `a decoder for ${weight.type}`)(bytes, 0, n / format.blockElements, values, 0);
  return values;
}

function mostWrong(right: Float32Array, wrong: Float32Array, mask: Uint8Array | undefined): number {
  let at = 0;
  let worst = -1;
  for (let i = 0; i < right.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const d = Math.abs(wrong[i]! - right[i]!);
    const size = Number.isNaN(d) ? Infinity : d;
    if (size > worst) [at, worst] = [i, size];
  }
  return at;
}

/** The channel (weight row) with the largest squared error. */
function worstChannel(right: Float32Array, wrong: Float32Array, rows: number, mask: Uint8Array | undefined): number {
  const error = new Float64Array(rows);
  for (let i = 0; i < right.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const d = (wrong[i]! - right[i]!) ** 2;
    error[i % rows]! += Number.isNaN(d) ? Infinity : d;
  }
  return error.reduce((best, e, r) => (e > error[best]! ? r : best), 0);
}
