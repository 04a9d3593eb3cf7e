/** The third rung: whether the candidate holds the same weight data, and whether those are numbers at all. */
import type { Rung } from '../checks';

/** Scales (or plain values) of one tensor that are NaN or infinite. */
export interface OddBlocks {
  readonly tensor: string;
  readonly type: string;
  /** Field of the block; `value` in plain types. */
  readonly field: string;
  readonly kind: 'nan' | 'infinite';
  readonly count: number;
  /** The first blocks (elements, in plain types). */
  readonly first: readonly number[];
}

/** What a quick pass over the scales saw. */
export interface ScaleScan {
  readonly odd: readonly OddBlocks[];
  readonly scannedBytes: number;
  /** Of all tensors that can be read. */
  readonly totalBytes: number;
}

/** Hashes that a dump gives, against those of the model. */
export interface HashComparison {
  readonly compared: number;
  readonly different: readonly { readonly tensor: string; readonly declared: string; readonly own: string }[];
  /** Tensors that the model lacks or that cannot be read. */
  readonly unknown: readonly string[];
  /** Tensors that there was no time for. */
  readonly left: number;
}

const TITLE = 'Weights';
/** Characters of a hash that are shown. */
const HASH_SHOWN = 12;

/** @param hashes absent where a dump gives none; 'same-file' for lanes that read the very file */
export function checkWeights(hashes: HashComparison | 'same-file' | undefined, scan: ScaleScan): Rung {
  const oddities = scan.odd.map(oddText);
  const [firstOdd] = oddities;
  const rung = (state: Rung['state'], text: string, details: readonly string[] = []): Rung => ({
    id: 'weights',
    title: TITLE,
    state,
    text: `${text}; ${firstOdd ?? scanText(scan)}`,
    details: [...details, ...(firstOdd === undefined ? [] : [...oddities, scanText(scan)])],
  });
  if (hashes === 'same-file') return rung('equal', 'both lanes read the same file');
  if (!hashes) return rung('not-measured', 'the dump does not give their hashes (__metadata__.tensor_sha256)');
  const unknown = hashes.unknown.map((name) => `the model has no readable ${name}`);
  const left = hashes.left > 0 ? [`there was no time to hash ${hashes.left} more tensors`] : [];
  const [first] = hashes.different;
  if (first) {
    const lines = hashes.different.map(
      (d) =>
        `${d.tensor}: ${d.declared.slice(0, HASH_SHOWN)}… in the engine, ${d.own.slice(0, HASH_SHOWN)}… in the model`,
    );
    const more = lines.length > 1 ? ` and ${lines.length - 1} more tensors` : '';
    return rung('different', `the data of ${first.tensor}${more} are not those of the model`, [
      ...lines,
      ...unknown,
      ...left,
    ]);
  }
  if (hashes.compared === 0) return rung('not-measured', 'no tensor could be hashed', [...unknown, ...left]);
  return rung('equal', `the data of ${hashes.compared} tensors have the same hash`, [...unknown, ...left]);
}

function oddText({ tensor, type, field, kind, count, first }: OddBlocks): string {
  const what = kind === 'nan' ? 'NaN' : 'infinite';
  const places = first.join(', ') + (count > first.length ? ' …' : '');
  const unit = field === 'value' ? 'element' : 'block';
  const units = count === 1 ? unit : `${unit}s`;
  const whose = field === 'value' ? 'of value' : `whose ${field} is`;
  return `${tensor} (${type}) has ${count} ${units} ${whose} ${what}: ${places}`;
}

function scanText({ odd, scannedBytes, totalBytes }: ScaleScan): string {
  const found = odd.length === 0 ? 'no scale is NaN or infinite' : 'NaN and infinite scales';
  if (scannedBytes >= totalBytes) return `${found} in the whole model`;
  const share = totalBytes > 0 ? Math.floor((100 * scannedBytes) / totalBytes) : 0;
  return `${found} in the first ${share} % of the weights; there was no time for the rest (quarrel verify reads all)`;
}
