/** Options of `bisect` for what is checked beside the nodes, and for foreign programs. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import type { Observation } from '../../shared/divergence/checks';
import type { AskedBudget } from '../../shared/ipc/jobs';
import type { ForeignOptions } from '../jobs/foreign-lane';
import { OBSERVER_IDS } from '../jobs/observe/observe';
import { parseCount, parseNumber } from './options';

export interface CheckOptions {
  readonly observe?: readonly Observation['id'][];
  readonly checkpoints?: number;
  readonly timeout?: number;
  readonly budget?: AskedBudget;
}

export function withChecks(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--observe <list>',
        `runs the candidate in further ways that ought to give the same: ${OBSERVER_IDS.join(', ')} or all`,
      ).argParser(parseObservers),
    )
    .addOption(
      new Option('--checkpoints <n>', 'cmd: nodes asked for per run while the search narrows down (8)').argParser(
        parseCheckpoints,
      ),
    )
    .addOption(
      new Option(
        '--budget <seconds|none>',
        'longest time for the looks at the weights and, apart, for the search for causes; without it a limit that is ' +
          'counted in work, so that every machine gives the same answer',
      ).argParser(parseBudget),
    )
    .addOption(new Option('--timeout <seconds>', 'cmd: longest time of one run (600)').argParser(parseSeconds));
}

/** What the wizard's request takes of them. */
export function checksOf({ observe, checkpoints, timeout, budget }: CheckOptions): {
  readonly observe?: readonly Observation['id'][];
  readonly budget?: AskedBudget;
  readonly foreign: ForeignOptions;
} {
  return {
    ...(observe ? { observe } : {}),
    ...(budget === undefined ? {} : { budget }),
    foreign: {
      ...(checkpoints === undefined ? {} : { checkpoints }),
      ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    },
  };
}

/** `run-to-run,batch` or `all`. */
export function parseObservers(text: string): readonly Observation['id'][] {
  if (text.trim() === 'all') return OBSERVER_IDS;
  return text.split(',').map((part) => {
    const id = OBSERVER_IDS.find((o) => o === part.trim());
    if (id === undefined) {
      throw new InvalidArgumentError(`${JSON.stringify(part.trim())}; ${OBSERVER_IDS.join(', ')} or all expected`);
    }
    return id;
  });
}

function parseCheckpoints(text: string): number {
  const count = parseCount(text);
  if (count < 2) throw new InvalidArgumentError('both ends are asked for first: 2 at least');
  return count;
}

/** `30` or `none`. */
export function parseBudget(text: string): AskedBudget {
  if (text.trim() === 'none') return 'none';
  const seconds = parseNumber(text);
  if (!(seconds > 0)) throw new InvalidArgumentError(`${text}: seconds above 0, or none, expected`);
  return seconds;
}

function parseSeconds(text: string): number {
  const seconds = parseNumber(text);
  // Above, setTimeout would fire at once.
  if (!(seconds > 0 && seconds < 2 ** 31 / 1000)) throw new InvalidArgumentError(`${text}: seconds above 0 expected`);
  return seconds;
}
