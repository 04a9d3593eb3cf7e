/** Zeros from some byte to the end of a file: a download that was given its size at once and then interrupted. */
import type { ByteSource } from './byte-source';
import type { Finding } from './findings';
import type { GgufModel } from './model';
import type { GgufTensor } from './tensor-directory';
import { quoted } from './text';

/** Fewer zeros at the end are nothing unusual: padding, a bias, the unused rows of a vocabulary. */
const LEAST_ZEROS = 4096;
const WINDOW_BYTES = 1 << 20;
/** Further back than this nobody looks while a file is opened; so much is more than any tensor that is zero by intent. */
const MOST_BYTES = 2 ** 30;

/** @param source the file of shard `shard`. Reads only from the end to the last byte that is not zero. */
export function zeroFindings(source: ByteSource, shard: number, model: GgufModel): Finding[] {
  const own = model.tensors
    .filter((t) => t.shard === shard && t.problem === undefined && (t.byteLength ?? 0) > 0)
    .sort((a, b) => a.offset - b.offset);
  const dataOffset = model.shards[shard]?.dataOffset ?? source.size;
  const end = own.reduce((most, t) => Math.max(most, endOf(t)), 0);
  const from = zerosFrom(source, Math.max(dataOffset, end - MOST_BYTES), end);
  const whole = own.filter((t) => t.offset >= from);
  const cut = own.find((t) => t.offset < from && endOf(t) > from);
  if (end - from < LEAST_ZEROS) return [];
  const first = cut ?? whole[0];
  const isCut = cut !== undefined && whole.length > 0;
  const message =
    `nothing but zeros from byte ${from} to the end` +
    (cut ? `, beginning within the data of ${quoted(cut.name)}` : '') +
    (whole.length > 0 ? `: ${whole.length} ${whole.length === 1 ? 'tensor is' : 'tensors are'} wholly zero` : '') +
    (isCut || whole.length > 1 ? '; was the download interrupted?' : '');
  const tensor = first ? { tensor: first.name } : {};
  return [{ severity: isCut ? 'error' : 'warning', code: 'zeros', message, offset: from, shard, ...tensor }];
}

function endOf(tensor: GgufTensor): number {
  return tensor.offset + (tensor.byteLength ?? 0);
}

/** The first of the zeros that reach up to `end`; `end` itself where there are none. */
function zerosFrom(source: ByteSource, least: number, end: number): number {
  const window = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(0, end - least)));
  // Files mostly end with other bytes: a small window tells first.
  for (let to = end, size = LEAST_ZEROS; to > least; size = WINDOW_BYTES) {
    const bytes = window.subarray(0, Math.min(size, to - least));
    source.copyInto(to - bytes.length, bytes.length, bytes, 0);
    const last = bytes.findLastIndex((byte) => byte !== 0);
    if (last >= 0) return to - bytes.length + last + 1;
    to -= bytes.length;
  }
  return least;
}
