/** Which tokens a wizard's run is made of: the prompt's, or a dump's own where those are others. */
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { FindFirstBadRequest, PromptSpec } from '../../shared/ipc/jobs';
import { stepKey, stepsOf } from '../../shared/trace/steps';
import { tokenizePrompt } from '../capture/token-pieces';
import { TraceFile } from '../traces/trace-file';

export interface TokensToRun {
  readonly prompt: PromptSpec;
  /** Tokens of the text that was given, for a dump; absent where tokens were given. */
  readonly ofText?: readonly number[];
  /** Tokens that a dump says it was made from. */
  readonly ofDump?: readonly number[];
}

/** A wizard's request, as far as its tokens go. */
export type TokensRequest = Pick<FindFirstBadRequest, 'modelPath' | 'prompt' | 'candidate' | 'steps'> & {
  readonly stepTokens?: readonly number[];
};

/**
 * A dump made from other tokens than the text's is judged on its own tokens, and the difference is a finding; given
 * tokens are compared when the dump is read, and must be the same. Throws QuarrelError where a dump holds decode steps of
 * unknown tokens and nobody said which to judge.
 */
export async function tokensToRun(request: TokensRequest, control: JobControl): Promise<TokensToRun> {
  const { modelPath, prompt, steps, stepTokens } = request;
  const candidate = parseLane(request.candidate);
  if (candidate.kind !== 'trace') return { prompt };
  const file = TraceFile.open(candidate.path);
  file.dispose();
  const ofDump = file.tokens;
  if (steps === undefined && stepTokens === undefined) requireStepTokens(file);
  if (prompt.kind === 'tokens' || ofDump.length === 0) return { prompt, ofDump };
  const ofText = await tokenizePrompt(modelPath, prompt.text, control);
  return { prompt: { kind: 'tokens', tokens: ofDump }, ofText, ofDump };
}

function requireStepTokens(file: TraceFile): void {
  const held = stepsOf(file);
  if (held <= file.stepTokens.length) return;
  throw new QuarrelError(
    `${file.label} holds checkpoints of ${held} decode steps (${stepKey(1, '…')}) but says the tokens of ` +
      `${file.stepTokens.length}: add __metadata__.steps, a JSON list of token ids, or give --step-tokens`,
  );
}
