/** Options of the commands that run lanes: decode steps, parts of the graph, how weights are read. */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import type { WeightPrecision } from '../../shared/gguf/ablated-weights';
import { WEIGHT_PRECISIONS } from '../../shared/gguf/ablated-weights';
import { WeightBudget } from '../../shared/gpu/weight-budget';
import type { WeightAccess } from '../files/weight-view';
import type { LaneLimits } from '../jobs/produce-trace';
import { parseIndex, parseLayers, parseTokens } from './options';

export interface RunOptions {
  readonly steps?: number;
  readonly stepTokens?: readonly number[];
  readonly layers?: { readonly from: number; readonly to: number };
  readonly stopAfter?: string;
  readonly place?: string;
  readonly weights: WeightPrecision;
  readonly memoryBudget?: number;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `512M`, `2GiB`, `1500000`: bytes. */
export function parseBytes(text: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(count) * (UNITS[unit.toLowerCase()] ?? NaN));
  if (count === '' || !(bytes > 0)) throw new InvalidArgumentError(`${JSON.stringify(text)}: 512M or 2G is the form`);
  return bytes;
}

export function withSteps(command: Command): Command {
  return command
    .addOption(
      new Option('--steps <n>', 'decode steps after the prompt, on the KV cache and recurrent state').argParser(
        parseIndex,
      ),
    )
    .addOption(
      new Option('--step-tokens <ids>', "the steps' tokens, as 7042,30; greedy choice otherwise").argParser(
        parseTokens,
      ),
    );
}

export function withRun(command: Command): Command {
  return withSteps(command)
    .addOption(new Option('--layers <a..b>', 'only these layers, on captured inputs').argParser(parseLayers))
    .option('--stop-after <node>', 'nothing after this node, as ffn_out-3, or as step1/ffn_out-3 in that decode step')
    .option('--place <rules>', 'layers on lanes, as 0:reference,1-:webgpu')
    .addOption(
      new Option('--weights <precision>', 'dequantizes weights as they are read')
        .choices(WEIGHT_PRECISIONS)
        .default('as-is'),
    )
    .addOption(
      new Option(
        '--memory-budget <bytes>',
        'most bytes of weights held at a time, all lanes together, as 512M; the rest is streamed',
      ).argParser(parseBytes),
    );
}

/** How own lanes read the weights. */
export function accessOf({ weights, memoryBudget }: RunOptions): WeightAccess {
  return { precision: weights, streamed: memoryBudget !== undefined };
}

/** One budget for all lanes of the run. */
export function limitsOf({ memoryBudget }: RunOptions): LaneLimits {
  return memoryBudget === undefined ? {} : { weightBudget: new WeightBudget(memoryBudget) };
}

/** The options that both jobs take as they are. */
export function selectionOf({ layers, stopAfter }: RunOptions): Pick<RunOptions, 'layers' | 'stopAfter'> {
  return { ...(layers === undefined ? {} : { layers }), ...(stopAfter === undefined ? {} : { stopAfter }) };
}

/** A remark where fewer decode steps ran than were asked for; undefined where all did. */
export function fewerSteps(
  asked: number,
  ran: number,
  { stopAfter, layers }: Pick<RunOptions, 'stopAfter' | 'layers'>,
): string | undefined {
  if (ran >= asked) return undefined;
  const why =
    stopAfter !== undefined
      ? `the run ends with ${stopAfter}`
      : layers !== undefined
        ? 'a run of some layers has no logits to choose by; --step-tokens gives the tokens'
        : 'no token follows: encoders and diffusion models keep no state';
  return `${ran} of ${asked} decode steps: ${why}`;
}
