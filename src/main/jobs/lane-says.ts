/** What a lane says after a prompt. */
import { stepsOf, stepView } from '../../shared/trace/steps';
import type { TraceSource } from '../../shared/trace/trace';
import type { TokenLogit } from '../../shared/compare/comparison';
import { topLogits } from '../../shared/compare/logits';
import { lastLogits } from '../../shared/divergence/assemble-verdict';
import { tokenPieces } from '../capture/token-pieces';

/** First choices after the prompt and after each decode step of a trace that holds its graphs; fewer without logits. */
export async function choicesOf(modelPath: string, trace: TraceSource): Promise<readonly TokenLogit[]> {
  const best = Array.from({ length: stepsOf(trace) + 1 }, (_, step) => {
    const view = stepView(trace, step);
    const graph = view.manifest?.graph;
    const logits = graph && lastLogits(graph, view);
    return logits ? topLogits(logits, 1) : [];
  }).flat();
  const texts = await tokenPieces(
    modelPath,
    best.map(({ token }) => token),
  );
  return best.map((choice) => ({ ...choice, text: texts.get(choice.token) }));
}
