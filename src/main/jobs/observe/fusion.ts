import { nmseOf } from '../../../shared/compare/metrics';
import { lastLogits } from '../../../shared/divergence/assemble-verdict';
import { needsFusion } from '../../../shared/divergence/llama-options';
import type { JudgedNode } from '../../../shared/divergence/examine';
import { tensorOf } from '../../../shared/graph/graph';
import { PLAIN_ACCESS, WeightView } from '../../files/weight-view';
import type { CapturedStep, CaptureSession } from '../capture-session';
import { StepJudge } from '../step-judge';
import { captureOf, isLlama } from './lane-runs';
import type { Finding, Observing } from './observe';
import { notMeasured } from './observe';

/**
 * Attention step by step against one fused op. A trained model may end 3e-3 NMSE apart though both are right, so the fused
 * op is judged as every node is: on its own inputs, against its noise floor.
 */
export async function observeFusion(o: Observing): Promise<Finding> {
  const { spec, session } = o;
  if (spec.kind === 'cmd') return notMeasured('a foreign program is run as it is');
  if (!isLlama(spec)) return notMeasured('this lane fuses nothing: every node is computed on its own');
  const { tokens } = session.first;
  if (needsFusion(spec.options ?? {})) return notMeasured('llama.cpp runs a quantized V cache fused only');
  const plain = await captureOf(o, spec, tokens, 'unfused', { flashAttention: false });
  const fused = await captureOf(o, spec, tokens, 'fused', { flashAttention: true });
  const { graph } = fused.first;
  if (!graph.order.some((id) => tensorOf(graph, id).op === 'FLASH_ATTN_EXT')) {
    return notMeasured('llama.cpp does not fuse the attention of this model');
  }
  const judged = await judgedAttention(o, fused);
  const [bad] = judged.filter((j) => j.judgement.bad);
  const ends = apart(plain.first, fused.first);
  if (bad) return { state: 'different', text: `${bad.node.key}: ${bad.judgement.why}${ends}`, node: bad.node.key };
  const count = judged.length;
  if (count === 0) return notMeasured('the reference computes no fused attention of this model');
  return { state: 'same', text: `all ${count} fused attentions are right on their own inputs${ends}`, node: null };
}

async function judgedAttention({ control }: Observing, session: CaptureSession): Promise<readonly JudgedNode[]> {
  const weights = WeightView.of(session.model, PLAIN_ACCESS);
  const judge = new StepJudge({ session, weights, control }, ({ captured }) => ({
    seed: captured,
    results: captured,
    dtype: () => 'F32',
    mask: () => undefined,
  }));
  const { judged } = await judge.at(0);
  return judged.filter((j) => j.node.op === 'FLASH_ATTN_EXT');
}

function apart(plain: CapturedStep, fused: CapturedStep): string {
  const [a, b] = [lastLogits(plain.graph, plain.captured), lastLogits(fused.graph, fused.captured)];
  if (!a || !b || a.length !== b.length) return '';
  return `; with and without fusion the runs end ${nmseOf(a, b).toExponential(1)} NMSE apart`;
}
