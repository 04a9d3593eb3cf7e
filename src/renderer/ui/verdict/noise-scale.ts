/** The logarithmic axis of the noise floor bar. */
export interface NoiseScale {
  /** Powers of ten at the ends. */
  readonly low: number;
  readonly high: number;
  /** Powers of ten that get a label. */
  readonly ticks: readonly number[];
  /** Positions 0 … 1. */
  readonly floor: number;
  readonly error: number;
}

const MARGIN = 1;
const LOWEST = -20;
const MOST_TICKS = 8;

/** An axis that holds both figures with room around them; exact zeros stand at its low end, infinities at its high end. */
export function noiseScale(localNmse: number, noiseFloor: number): NoiseScale {
  const powers = [localNmse, noiseFloor].filter((v) => v > 0 && Number.isFinite(v)).map((v) => Math.log10(v));
  const low = Math.max(LOWEST, Math.floor(Math.min(...powers, 0)) - MARGIN);
  const high = Math.max(low + 2, Math.ceil(Math.max(...powers, low + 1)) + MARGIN);
  const step = Math.ceil((high - low) / MOST_TICKS);
  const ticks: number[] = [];
  for (let power = low; power <= high; power += step) ticks.push(power);
  const position = (v: number): number => {
    if (v === Infinity) return 1;
    return v > 0 ? Math.min(1, Math.max(0, (Math.log10(v) - low) / (high - low))) : 0;
  };
  return { low, high, ticks, floor: position(noiseFloor), error: position(localNmse) };
}
