/** What `verify` reports besides mismatches: the file's own findings, stand-in types, scales and values that are no numbers. */
import type { GgufModel } from '../gguf/model';
import type { GgufTensor } from '../gguf/tensor-directory';
import { typeFallbacks } from '../gguf/type-fallback';
import { QUANT_FORMATS } from '../quant/registry';
import { BLOCK_ANATOMY } from './decode-anatomy';
import type { ScaleReport, TensorVerification, VerifyFinding } from './decode-report';
import { coordinatesOf } from './metrics';

/** @param checked the tensors that were decoded */
export function verifyFindings(model: GgufModel, checked: readonly TensorVerification[]): VerifyFinding[] {
  const entries = new Map(model.tensors.map((tensor) => [tensor.name, tensor]));
  const inChecked = checked.flatMap((tensor) => {
    const entry = entries.get(tensor.name);
    const place = { offset: entry?.offset ?? 0, shard: entry?.shard ?? 0, tensor: tensor.name };
    const scales = tensor.scales.flatMap((scale) => scaleFinding(tensor, scale, place));
    return scales.length > 0 ? scales : valueFinding(tensor, place);
  });
  return [...model.findings, ...fallbackFindings(model), ...inChecked, ...zeroFindings(checked, entries)];
}

/** Tensors of which every value that was checked is zero, in one finding: some are so by intent. */
function zeroFindings(
  checked: readonly TensorVerification[],
  entries: ReadonlyMap<string, GgufTensor>,
): VerifyFinding[] {
  const zero = checked.filter(({ statistics: s }) => s !== null && s.count > 1 && s.zeros === s.count);
  const [first] = zero;
  if (!first) return [];
  const { offset = 0, shard = 0 } = entries.get(first.name) ?? {};
  const more = zero.length > 1 ? ` and ${zero.length - 1} more tensors` : '';
  const message = `${first.name} (${first.type})${more}: every value is zero`;
  return [{ severity: 'warning', code: 'zero-tensor', message, offset, shard, tensor: first.name }];
}

function fallbackFindings(model: GgufModel): VerifyFinding[] {
  return typeFallbacks(model).map(({ tensor, type, wanted, declared }) => {
    const block = QUANT_FORMATS[wanted].blockElements;
    const message =
      `${tensor.name} is ${type}, a stand-in for ${wanted} in a ${declared.name} file: ` +
      `its rows of ${tensor.ne[0]} are no multiple of ${block}`;
    const { infoOffset: offset, shard, name } = tensor;
    return { severity: 'warning', code: 'fallback-type', message, offset, shard, tensor: name };
  });
}

type Place = Pick<VerifyFinding, 'offset' | 'shard'> & { readonly tensor: string };

function scaleFinding(tensor: TensorVerification, scale: ScaleReport, place: Place): VerifyFinding[] {
  const { slot, kind, count, blocks } = scale;
  if (kind !== 'nan' && kind !== 'infinite') return [];
  const named = blocks.map(({ block, row, column }) => `${block} (row ${row}, columns from ${column})`);
  const rest = count > blocks.length ? ` and ${count - blocks.length} more` : '';
  const where = `block${count === 1 ? '' : 's'} ${named.join(', ')}${rest}`;
  const microscaling = isMicroscaling(tensor);
  const what = kind === 'nan' ? `NaN${microscaling ? ' by the standard, a number in ggml' : ''}` : 'infinite';
  return [
    {
      severity: microscaling ? 'warning' : 'error',
      code: kind === 'nan' ? 'nan-scale' : 'infinite-scale',
      message: `${tensor.name} (${tensor.type}): scale ${slot} is ${what} in ${where}`,
      ...place,
      blocks: blocks.map(({ block }) => block),
    },
  ];
}

function isMicroscaling({ type }: TensorVerification): boolean {
  return BLOCK_ANATOMY[type].scales.some(({ encoding }) => encoding === 'e8m0' || encoding === 'ue4m3');
}

/** NaNs and infinities that no scale explains: stored ones, and overflows of finite scales. */
function valueFinding(tensor: TensorVerification, place: Place): VerifyFinding[] {
  const { statistics, firstNonFinite } = tensor;
  if (statistics === null || firstNonFinite === null) return [];
  const at = coordinatesOf(firstNonFinite, tensor.ne);
  const message =
    `${tensor.name} (${tensor.type}): ${statistics.nan} NaN and ${statistics.infinite} infinite values, ` +
    `first at [${at.join(', ')}]`;
  return [{ severity: 'error', code: 'non-finite-value', message, ...place }];
}
