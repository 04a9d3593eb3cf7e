import type { TraceSource } from '../../../shared/trace/trace';
import { captureOf, freeLane, isLlama } from './lane-runs';
import type { Finding, Observing } from './observe';

/** Runs beside the one that is judged. */
const RUNS = 2;

/** The same tokens on the same lane must give the same bits: a data race shows where they do not. */
export async function observeRunToRun(o: Observing): Promise<Finding> {
  const runs = await repeatedRuns(o);
  const [first, ...others] = runs;
  if (!first) return { state: 'not-measured', text: 'the candidate was not run again', node: null };
  for (const [i, other] of others.entries()) {
    const node = firstChange(first, other);
    if (node === undefined) continue;
    const text = `run ${i + 2} of ${runs.length} gives other bits, first at ${node}: a data race, or sums in changing order`;
    return { state: 'different', text, node };
  }
  return {
    state: 'same',
    text: `${runs.length} runs give the same bits at all ${first.entries.size} checkpoints`,
    node: null,
  };
}

async function repeatedRuns(o: Observing): Promise<readonly TraceSource[]> {
  const { spec, session, program, control } = o;
  const { first } = session;
  const traces: TraceSource[] = [];
  if (program) {
    if (program.firstDump) traces.push(program.firstDump);
    for (let i = 1; i <= RUNS; i++) traces.push(await program.runAgain(first, `again-${i}`));
    return traces;
  }
  if (isLlama(spec)) {
    for (let i = 0; i <= RUNS; i++) {
      traces.push((await captureOf(o, spec, first.tokens, `again-${i}`)).first.captured);
    }
    return traces;
  }
  for (let i = 0; i <= RUNS; i++) {
    control.throwIfCancelled();
    traces.push((await freeLane(o, session, `again-${i}`).next(first)).trace);
  }
  return traces;
}

/** The first checkpoint whose bytes differ. */
function firstChange(a: TraceSource, b: TraceSource): string | undefined {
  for (const key of a.entries.keys()) {
    if (b.entries.has(key) && Buffer.compare(a.readRaw(key), b.readRaw(key)) !== 0) return key;
  }
  return undefined;
}
