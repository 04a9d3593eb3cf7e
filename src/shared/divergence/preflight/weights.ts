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

/** What a pass over the scales, and over the values of plain types, saw. */
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
  /** Tensors whose data cannot be read. */
  readonly unknown: readonly string[];
  /** Tensors that the budget was spent before. */
  readonly left: number;
}

const TITLE = 'Weights';
/** Characters of a hash that are shown. */
const HASH_SHOWN = 12;

export interface WeightCheck {
  readonly rung: Rung;
  /** Why no run on these weights can be called right: what they are is no number. Null where none was found. */
  readonly unusable: string | null;
}

/**
 * Weights that are NaN or infinite make every lane compute NaN where they are read: nobody is wrong then, and nobody is
 * right. So they are told apart from weights that differ.
 * @param hashes absent where a dump gives none; 'same-file' for lanes that read the very file */
export function checkWeights(hashes: HashComparison | 'same-file' | undefined, scan: ScaleScan): WeightCheck {
  const rung = rungOf(hashes, scan);
  const [first] = scan.odd;
  return { rung, unusable: first ? `the model's own weights are no numbers: ${oddText(first)}` : null };
}

function rungOf(hashes: HashComparison | 'same-file' | undefined, scan: ScaleScan): Rung {
  const oddities = scan.odd.map(oddText);
  const [firstOdd] = oddities;
  const rung = (state: Rung['state'], text: string, details: readonly string[] = []): Rung => ({
    id: 'weights',
    title: TITLE,
    state: firstOdd === undefined || state === 'different' ? state : 'unusable',
    text: firstOdd === undefined || state === 'different' ? `${text}; ${firstOdd ?? scanText(scan)}` : firstOdd,
    details: [
      ...details,
      ...(firstOdd === undefined
        ? []
        : [...oddities.slice(1), scanText(scan), ...(state === 'different' ? [] : [text])]),
    ],
  });
  if (hashes === 'same-file') return rung('equal', 'both lanes read the same file');
  if (!hashes) return rung('not-measured', 'the dump does not give their hashes (__metadata__.tensor_sha256)');
  const unknown = hashes.unknown.map((name) => `the data of ${name} cannot be read`);
  const left =
    hashes.left > 0 ? [`${hashes.left} more were not hashed within the budget (--budget none hashes all)`] : [];
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
  const same = `the data of ${hashes.compared} tensors have the same hash`;
  return rung('equal', [same, ...left].join(', '), unknown);
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
  const found = odd.length === 0 ? 'no scale or plain value is NaN or infinite' : 'all that was found';
  if (scannedBytes >= totalBytes) return `${found} in the whole model`;
  const share = totalBytes > 0 ? Math.floor((100 * scannedBytes) / totalBytes) : 0;
  return (
    `${found} in ${share} % of the weights, small tensors first; the rest was not looked at within the budget ` +
    '(--budget none looks at all)'
  );
}
