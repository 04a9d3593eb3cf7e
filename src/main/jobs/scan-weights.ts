/** Looks at a whole model's data: scales and plain values that are no numbers, hashes. */
import { createHash } from 'node:crypto';

import type { Budget } from '../../shared/base/budget';
import type { JobControl } from '../../shared/base/progress';
import { QuarrelError } from '../../shared/base/errors';
import type { BlockAnatomy } from '../../shared/compare/decode-anatomy';
import { BLOCK_ANATOMY } from '../../shared/compare/decode-anatomy';
import { ScaleCensus } from '../../shared/compare/decode-scales';
import type { HashComparison, OddBlocks, ScaleScan } from '../../shared/divergence/preflight/weights';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { ModelFile } from '../files/model-file';
import type { ModelTensor } from '../files/model-tensor';
import { yieldToEvents } from '../yield-to-events';

/** Bytes copied out of the mapping at a time, but for a block's rest. */
const WINDOW_BYTES = 4 * 2 ** 20;
/** Elements named of a plain tensor. */
const NAMED = 8;

/** Plain types are their own scales: one value per element. */
const PLAIN_VALUES: Partial<Readonly<Record<GgmlTypeName, BlockAnatomy>>> = {
  F32: { subBlock: 1, scales: [{ name: 'value', offset: 0, encoding: 'f32' }] },
  F16: { subBlock: 1, scales: [{ name: 'value', offset: 0, encoding: 'f16' }] },
  BF16: { subBlock: 1, scales: [{ name: 'value', offset: 0, encoding: 'bf16' }] },
  F64: { subBlock: 1, scales: [{ name: 'value', offset: 0, encoding: 'f64' }] },
};

/**
 * Looks for NaN and infinite scales and values, the smallest tensors first (norms and biases, which every token reads),
 * until all are read or the budget, counted in bytes, is spent. e8m0 and ue4m3 scales are left out: what the standard
 * calls NaN is a number in ggml.
 */
export async function scanScales(model: ModelFile, control: JobControl, budget: Budget): Promise<ScaleScan> {
  const tensors = [...readable(model)].sort((a, b) => a.byteLength - b.byteLength);
  const totalBytes = tensors.reduce((sum, t) => sum + t.byteLength, 0);
  const odd: OddBlocks[] = [];
  let scannedBytes = 0;
  for (const tensor of tensors) {
    const anatomy = anatomyOf(tensor.type);
    if (anatomy.scales.length === 0) {
      scannedBytes += tensor.byteLength;
      continue;
    }
    const census = new ScaleCensus(anatomy);
    const { blockBytes } = QUANT_FORMATS[tensor.type];
    for await (const { bytes, offset } of windowsOf(tensor, blockBytes, control)) {
      if (budget.isSpent) return { odd: [...odd, ...oddOf(tensor, census)], scannedBytes, totalBytes };
      budget.spend(bytes.length);
      const first = offset / blockBytes;
      census.add(bytes, bytes.length / blockBytes, blockBytes, (i) => first + i);
      scannedBytes += bytes.length;
    }
    odd.push(...oddOf(tensor, census));
  }
  return { odd, scannedBytes, totalBytes };
}

/** Hashes the named tensors, as a dump gives them, until all are done or the budget, counted in bytes, is spent. */
export async function compareHashes(
  model: ModelFile,
  declared: Readonly<Record<string, string>>,
  control: JobControl,
  budget: Budget,
): Promise<HashComparison> {
  const own = new Map(readable(model).map((t) => [t.name, t]));
  const different: HashComparison['different'][number][] = [];
  const unknown: string[] = [];
  let compared = 0;
  const names = Object.keys(declared);
  for (const [i, name] of names.entries()) {
    if (budget.isSpent) return { compared, different, unknown, left: names.length - i };
    const tensor = own.get(name);
    if (!tensor) {
      unknown.push(name);
      continue;
    }
    budget.spend(tensor.byteLength);
    const hash = createHash('sha256');
    for await (const { bytes } of windowsOf(tensor, 1, control)) hash.update(bytes);
    const [theirs, ours] = [declared[name]?.toLowerCase() ?? '', hash.digest('hex')];
    if (theirs !== ours) different.push({ tensor: name, declared: theirs, own: ours });
    compared++;
  }
  return { compared, different, unknown, left: 0 };
}

function readable(model: ModelFile): readonly ModelTensor[] {
  return model.gguf.tensors.flatMap(({ name }) => {
    try {
      return model.tensor(name) ?? [];
    } catch (e) {
      if (e instanceof QuarrelError) return [];
      throw e;
    }
  });
}

function anatomyOf(type: GgmlTypeName): BlockAnatomy {
  const plain = PLAIN_VALUES[type];
  if (plain) return plain;
  const { subBlock, scales } = BLOCK_ANATOMY[type];
  return { subBlock, scales: scales.filter((s) => s.encoding !== 'e8m0' && s.encoding !== 'ue4m3') };
}

async function* windowsOf(
  tensor: ModelTensor,
  unit: number,
  control: JobControl,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly offset: number }> {
  const window = Math.max(unit, WINDOW_BYTES - (WINDOW_BYTES % unit));
  const buffer = new Uint8Array(Math.min(window, tensor.byteLength));
  for (let offset = 0; offset < tensor.byteLength; offset += window) {
    control.throwIfCancelled();
    const bytes = buffer.subarray(0, Math.min(window, tensor.byteLength - offset));
    tensor.copyInto(offset, bytes.length, bytes, 0);
    yield { bytes, offset };
    await yieldToEvents();
  }
}

function oddOf({ name, type }: ModelTensor, census: ScaleCensus): readonly OddBlocks[] {
  return census.found.flatMap(({ slot, kind, count, blocks }) =>
    kind === 'nan' || kind === 'infinite'
      ? [{ tensor: name, type, field: slot, kind, count, first: blocks.slice(0, NAMED) }]
      : [],
  );
}
