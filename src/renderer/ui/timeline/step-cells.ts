import type { RunSummary, TokenLogit } from '../../../shared/compare/comparison';
import { formatToken } from '../format/numbers';
import type { Shade } from './colour-scale';
import { shadeOf } from './colour-scale';
import { severity } from './scene';

/** The checkpoint with the largest inherited error of a step. */
export interface WorstCheckpoint {
  readonly key: string;
  readonly lane: number;
  readonly shade: Shade;
}

/** What a lane would say next after a step. */
export interface NextToken {
  readonly lane: number;
  /** undefined where the lane has no logits. */
  readonly top: TokenLogit | undefined;
  /** Whether lane 0 says another one. */
  readonly differs: boolean;
}

/** One step of a run, as the strip shows it. */
export interface StepCell {
  readonly step: number;
  /** "prompt", or the token that the step decodes. */
  readonly label: string;
  readonly tokens: readonly string[];
  readonly shade: Shade;
  /** undefined when no candidate was measured. */
  readonly worst: WorstCheckpoint | undefined;
  readonly next: readonly NextToken[];
  /** Whether any lane's next token differs from lane 0's. */
  readonly differs: boolean;
}

export function stepCells(run: readonly RunSummary[]): readonly StepCell[] {
  return run.map((summary) => {
    const tokens = summary.tokens.map((token, i) => formatToken(summary.pieces[i], token));
    const worst = worstCheckpoint(summary);
    const next = nextTokens(summary);
    return {
      step: summary.step,
      label: summary.step === 0 ? 'prompt' : tokens.join(' '),
      tokens,
      shade: worst?.shade ?? unmeasured(summary),
      worst,
      next,
      differs: next.some((n) => n.differs),
    };
  });
}

/** "Prompt" or "Decode step 2". */
export function stepTitle(step: number): string {
  return step === 0 ? 'Prompt' : `Decode step ${step}`;
}

function worstCheckpoint({ lanes, nodes }: RunSummary): WorstCheckpoint | undefined {
  let worst: WorstCheckpoint | undefined;
  for (let lane = 1; lane < lanes.length; lane++) {
    for (const node of nodes) {
      const shade = shadeOf(node.lanes[lane]);
      if (shade.kind === 'not-measured' || shade.kind === 'reference') continue;
      if (!worst || severity(shade) > severity(worst.shade)) worst = { key: node.key, lane, shade };
    }
  }
  return worst;
}

/** Without candidates there is only the reference; candidates that measured nothing are neither right nor wrong. */
function unmeasured({ lanes }: RunSummary): Shade {
  if (lanes.length < 2) return { kind: 'reference' };
  return { kind: 'not-measured', reason: lanes.find((l) => l.error !== undefined)?.error ?? 'no node was measured' };
}

function nextTokens({ lanes }: RunSummary): readonly NextToken[] {
  const expected = lanes[0]?.top[0];
  return lanes.map(({ top: [top] }, lane) => {
    return { lane, top, differs: top !== undefined && expected !== undefined && top.token !== expected.token };
  });
}
