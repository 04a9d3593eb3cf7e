/** How numbers read in the window: short, aligned with tabular figures, never rounded to something they are not. */

const MINUS = '\u2212';
const NARROW_SPACE = '\u202f';

/** Error figures (NMSE, KLD): exactly 0 stays "0", the rest two significant digits with an exponent below 0.001. */
export function formatError(value: number | undefined | null): string {
  if (value === undefined || value === null) return '—';
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return 'non-finite';
  if (value === 0) return '0';
  if (value >= 1e-3 && value < 1000) return trimZeros(value.toPrecision(3));
  return exponent(value, 1);
}

/** Tensor values: five significant digits, exponent outside 1e-4 … 1e5. */
export function formatValue(value: number | undefined | null): string {
  if (value === undefined || value === null) return '—';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : `${MINUS}Inf`;
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e-4 && size < 1e5 ? trimZeros(size.toPrecision(5)) : exponent(size, 3);
  return value < 0 ? MINUS + text : text;
}

/** Cosine similarity: what matters is how far from 1 it is. */
export function formatCosine(value: number | undefined): string {
  if (value === undefined) return '—';
  if (Number.isNaN(value)) return 'undefined';
  if (value === 1) return '1';
  const text = Math.abs(value).toFixed(6);
  // 0.9999999 must not read as 1.
  if (text === '1.000000' && Math.abs(value) < 1) return `${value < 0 ? MINUS : ''}0.999999+`;
  return value < 0 ? MINUS + text : text;
}

/** A factor such as "1 240×". */
export function formatFactor(value: number): string {
  if (!Number.isFinite(value)) return '∞×';
  if (value >= 1e6) return `${exponent(value, 1)}×`;
  if (value >= 100) return `${formatCount(Math.round(value))}×`;
  return `${trimZeros(value.toPrecision(2))}×`;
}

/** A share of a whole: rounded down, so that only the whole reads "100 %". */
export function formatShare(share: number): string {
  if (!(share > 0)) return '0 %';
  if (share < 0.01) return '< 1 %';
  const percent = 100 * Math.min(1, share);
  const unit = share >= 0.99 ? 100 : 1;
  return `${Math.floor(percent * unit) / unit} %`;
}

/** Distances in units in the last place: exact while that says anything. */
export function formatUlp(ulp: number): string {
  return ulp < 1e6 ? formatCount(ulp) : exponent(ulp, 1);
}

/** Digits in groups of three. */
export function formatCount(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '—';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[unit]}`;
}

/** Microseconds, in the unit that reads best. */
export function formatTime(microseconds: number | undefined): string {
  if (microseconds === undefined) return '—';
  if (microseconds < 1000) return `${trimZeros(microseconds.toPrecision(3))} µs`;
  if (microseconds < 1e6) return `${(microseconds / 1000).toPrecision(3)} ms`;
  return `${(microseconds / 1e6).toPrecision(3)} s`;
}

/** `576 × 5`, trailing ones dropped. */
export function formatShape(ne: readonly number[]): string {
  let dims = ne.length;
  while (dims > 1 && ne[dims - 1] === 1) dims--;
  return ne.slice(0, dims).join(' × ');
}

/** Coordinates in ggml order: `[i0, i1, i2, i3]`. */
export function formatIndex(index: readonly number[]): string {
  return `[${index.join(', ')}]`;
}

/** A token's text as a literal, so that blanks and line breaks show. */
export function formatToken(text: string | undefined, token: number): string {
  return text === undefined ? `#${token}` : JSON.stringify(text);
}

function exponent(value: number, digits: number): string {
  return value.toExponential(digits).replace('e+', 'e');
}

function trimZeros(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}
