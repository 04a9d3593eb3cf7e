/** `npm run fuzz`: every reader of files, for as long as is asked; build/fuzz.mjs starts it and watches it. */
import { parseArgs } from 'node:util';
import { ggmlBasePath } from '../helpers/ggml-base';
import type { Differential } from './differential';
import { differential } from './differential';
import { prepare } from './material';
import type { Figures, Target, Uncaught } from './run-target';
import { noFigures, runTarget } from './run-target';

/** Inputs of one target in a row, per weight. */
const PER_TURN = 20;

/** @returns whether every input got an answer or a clear refusal, in time */
export async function fuzz(
  args: readonly string[],
  say: (line: string) => void,
  alive: (where: string) => void,
): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      target: { type: 'string' },
      differential: { type: 'string', default: '0' },
    },
  });
  const material = await prepare();
  try {
    const compared = Number(values.differential);
    if (compared > 0) return await againstLibrary(material.folder, Number(values.seed), compared, say, alive);
    const chosen = material.targets.filter((t) => values.target === undefined || t.name.includes(values.target));
    const all = new Map(chosen.map((target) => [target, noFigures()]));
    const began = performance.now();
    const end = began + Number(values.minutes) * 60_000;
    for (let seed = Number(values.seed); performance.now() < end; seed += PER_TURN) {
      for (const [target, figures] of all) {
        const [from, to] = [seed * target.weight, (seed + PER_TURN) * target.weight];
        await runTarget(target, from, to, figures, (at) => alive(`${target.name}, seed ${at}`));
      }
    }
    say(table(all, (performance.now() - began) / 1000));
    for (const [{ name }, { uncaught, slow }] of all) {
      for (const { seed, error } of firstOfEach(uncaught)) say(`uncaught: ${name}, seed ${seed}: ${error}`);
      for (const { seed, ms } of slow) say(`slow: ${name}, seed ${seed}: ${ms.toFixed(0)} ms`);
    }
    return [...all.values()].every(({ uncaught, slow }) => uncaught.length === 0 && slow.length === 0);
  } finally {
    material.dispose();
  }
}

/** `--differential N`: GGUF headers against libggml's own reader. */
async function againstLibrary(
  folder: string,
  from: number,
  count: number,
  say: (line: string) => void,
  alive: (where: string) => void,
): Promise<boolean> {
  const library = ggmlBasePath();
  if (library === undefined) throw new Error('no llama.cpp for this platform is installed');
  const parts: Differential[] = [];
  for (let seed = from; seed < from + count; seed += PER_TURN * 50) {
    alive(`differential, seed ${seed}`);
    parts.push(await differential(library, folder, seed, Math.min(seed + PER_TURN * 50, from + count)));
  }
  const sum = (of: (d: Differential) => number): number => parts.reduce((all, d) => all + of(d), 0);
  say(`files ${sum((d) => d.files)}`);
  say(`accepted by both ${sum((d) => d.bothAccept)}, refused by both ${sum((d) => d.bothRefuse)}`);
  say(`errors here, refused there ${sum((d) => d.errorsRefused)}; the library aborted on ${sum((d) => d.aborted)}`);
  for (const why of new Set(parts.flatMap((d) => [...d.stricter.keys()]))) {
    say(`stricter here ${sum((d) => d.stricter.get(why) ?? 0)}: ${why}`);
  }
  const unexplained = parts.flatMap((d) => d.unexplained);
  say(`not explained ${unexplained.length}`);
  for (const u of unexplained.slice(0, 10)) say(`seed ${u.seed}: here ${u.ours}, there ${u.theirs}`);
  return unexplained.length === 0;
}

/** One of each kind, told apart by where it was thrown. */
function firstOfEach(uncaught: readonly Uncaught[]): readonly Uncaught[] {
  const placeOf = ({ error }: Uncaught): string => error.split('\n').find((line) => /^\s+at /.test(line)) ?? error;
  return [...new Map([...uncaught].reverse().map((u) => [placeOf(u), u])).values()];
}

function table(all: ReadonlyMap<Target, Figures>, seconds: number): string {
  const row = (name: string, f: Figures): string =>
    `| ${[name, f.inputs, f.accepted, f.refused, f.uncaught.length, f.slow.length, `${f.slowestMs.toFixed(0)} ms`, `${(f.memory / 2 ** 20).toFixed(0)} MiB`].join(' | ')} |`;
  const sum = noFigures();
  for (const f of all.values()) {
    sum.inputs += f.inputs;
    sum.accepted += f.accepted;
    sum.refused += f.refused;
    sum.uncaught.push(...f.uncaught);
    sum.slow.push(...f.slow);
    sum.slowestMs = Math.max(sum.slowestMs, f.slowestMs);
    sum.memory = Math.max(sum.memory, f.memory);
  }
  return [
    '| reader | inputs | accepted | refused | uncaught | over 2 s | slowest | memory |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...[...all].map(([target, f]) => row(target.name, f)),
    row(`all, ${seconds.toFixed(0)} s`, sum),
  ].join('\n');
}
