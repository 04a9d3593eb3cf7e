import { defined } from '../../shared/base/assert';
import type { JobControl } from '../../shared/base/progress';
import type { LanePart, TensorCheck } from './tensor-check';
import type { Tile, TileLane, TileReport } from './tile';
import type { VerifyPool } from './verify-pool';

/** Milliseconds of decoding by lane, over all threads. */
export class LaneTimes {
  private readonly ms = new Map<string, number>();

  add(lane: string, ms: number): void {
    this.ms.set(lane, this.seconds(lane) * 1000 + ms);
  }

  seconds(lane: string): number {
    return (this.ms.get(lane) ?? 0) / 1000;
  }
}

interface CheckedTile {
  readonly check: TensorCheck;
  readonly candidates: readonly LanePart[];
  readonly report: TileReport;
}

/**
 * Runs all tiles of all tensors: at most `pool.tilesAhead` at a time, results taken in order, so that sums, hashes and
 * "first" blocks do not depend on the threads. Throws CancelledError once the tiles in work are done.
 */
export async function runChecks(
  checks: readonly TensorCheck[],
  pool: VerifyPool,
  times: LaneTimes,
  control: JobControl,
): Promise<void> {
  const total = checks.reduce((sum, check) => sum + check.values, 0);
  const startedAt = performance.now();
  const ahead: Promise<CheckedTile>[] = [];
  let started = 0;
  let done = 0;
  const settle = async (next: Promise<CheckedTile>): Promise<void> => {
    const { check, candidates, report } = await next;
    check.add(report, candidates);
    addTimes(times, check, candidates, report);
    done += report.values.count;
    const rate = done / (performance.now() - startedAt) / 1000;
    control.progress({ stage: 'verify', done, total, detail: `${rate.toFixed(0)} M values/s  ${check.tensor.name}` });
  };
  try {
    for (const check of checks) {
      for (const tile of check.tiles) {
        control.throwIfCancelled();
        if (ahead.length === pool.tilesAhead) await settle(ahead.shift()!);
        const checked = checkTile(check, tile, started++, pool, control);
        checked.catch(() => undefined); // a failure is thrown where the tile's turn comes
        ahead.push(checked);
      }
    }
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      control.throwIfCancelled();
      await settle(next);
    }
  } finally {
    await Promise.allSettled(ahead); // nobody may still read the model when this returns
  }
}

/** Device lanes first, then the worker thread with all of them. */
async function checkTile(
  check: TensorCheck,
  tile: Tile,
  slot: number,
  pool: VerifyPool,
  control: JobControl,
): Promise<CheckedTile> {
  const candidates: LanePart[] = [];
  const lanes: TileLane[] = [];
  for (const part of check.candidates()) {
    const { cpu, device } = part.lane;
    if (cpu !== undefined) lanes.push({ kind: 'cpu', lane: cpu });
    else {
      const values = await device?.decode(check.tensor, tile, slot);
      control.throwIfCancelled();
      if (values === undefined) {
        part.reason ??= defined(part.lane.missing(check.tensor.type), 'the reason why a device has no values');
        continue;
      }
      lanes.push({ kind: 'device', values });
    }
    candidates.push(part);
  }
  const report = await pool.check({ ...tile, judge: check.judge, lanes });
  return { check, candidates, report };
}

function addTimes(times: LaneTimes, check: TensorCheck, candidates: readonly LanePart[], report: TileReport): void {
  const [judgeMs = 0, ...laneMs] = report.decodeMs;
  times.add(check.judge, judgeMs);
  candidates.forEach((part, i) => {
    if (part.lane.device === undefined) times.add(part.lane.name, laneMs[i]!);
  });
}
