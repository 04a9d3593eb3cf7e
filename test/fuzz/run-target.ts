import { QuarrelError } from '../../src/shared/base/errors';
import { Chance } from './chance';

/** A reader that is given damaged input. */
export interface Target {
  readonly name: string;
  /** Share of the inputs that it gets, beside the others. */
  readonly weight: number;
  /** Makes one input of a seed and reads it whole. Throws QuarrelError where it is refused. */
  readonly run: (chance: Chance) => void | Promise<void>;
  readonly dispose?: () => void;
}

/** Something else than an answer or a clear refusal. */
export interface Uncaught {
  readonly seed: number;
  readonly error: string;
}

export interface Figures {
  inputs: number;
  accepted: number;
  refused: number;
  readonly uncaught: Uncaught[];
  /** Inputs over `SLOW_MS`. */
  readonly slow: { readonly seed: number; readonly ms: number }[];
  slowestMs: number;
  /** Largest resident set of the process so far, bytes. */
  memory: number;
}

export const SLOW_MS = 2000;

export function noFigures(): Figures {
  return { inputs: 0, accepted: 0, refused: 0, uncaught: [], slow: [], slowestMs: 0, memory: 0 };
}

/**
 * Gives a target the inputs of the seeds `from` to below `to`.
 * @param before called before each
 */
export async function runTarget(
  target: Target,
  from: number,
  to: number,
  figures: Figures,
  before: (seed: number) => void = () => undefined,
): Promise<void> {
  for (let seed = from; seed < to; seed++) {
    before(seed);
    const { error, refused, ms: first } = await read(target, seed);
    // A machine that does other work is slow once; an input that takes long is so again.
    const ms = first > SLOW_MS ? Math.min(first, (await read(target, seed)).ms) : first;
    if (error !== undefined) figures.uncaught.push({ seed, error });
    else if (refused) figures.refused++;
    else figures.accepted++;
    figures.inputs++;
    figures.slowestMs = Math.max(figures.slowestMs, ms);
    if (ms > SLOW_MS) figures.slow.push({ seed, ms });
    if (seed % 64 === 0) figures.memory = Math.max(figures.memory, process.memoryUsage.rss());
  }
}

interface Outcome {
  readonly refused: boolean;
  readonly error?: string;
  readonly ms: number;
}

async function read(target: Target, seed: number): Promise<Outcome> {
  const begin = performance.now();
  const took = (): number => performance.now() - begin;
  try {
    await target.run(new Chance(seed));
    return { refused: false, ms: took() };
  } catch (e) {
    // A message of several lines would break whoever shows it as one.
    if (e instanceof QuarrelError && !e.message.includes('\n')) return { refused: true, ms: took() };
    return { refused: false, error: String((e as Error).stack ?? e), ms: took() };
  }
}
