/** Whether a precision at one node is in keeping with what the engine shows elsewhere: nobody rounds one layer only. */
import type { JudgedNode } from '../../divergence/examine';
import { isMatMul } from '../../graph/ggml-op';
import type { GraphTensor } from '../../graph/graph';
import type { Precision, RoundedPart } from '../../divergence/rounding';

/**
 * Share of an error that counts as the same precision in another layer: in floors, which know how its numbers are, or as
 * it is, where weights of another type make another floor.
 */
const SAME_KIND = 0.1;
/** The same for a single reader of a cache: how far its blocks move a result differs from layer to layer. */
const SAME_CACHE = 1e-3;
/** Share of an error's energy at nodes of another kind, where a precision as coarse as this must show as well. */
const ANY_KIND = 1e-2;
/** Mat-muls of other kinds that it takes to say how the engine computes. */
const LEAST_OTHERS = 3;

/**
 * F16 and caches: at least half of the nodes of the same name in other layers err as much. Coarser ones: so do
 * at least half of the other mat-muls, as an engine that computes in them does so everywhere.
 * @param judged all nodes of the graph: other steps have other numbers
 */
export function isInKeeping(
  judged: readonly JudgedNode[],
  node: JudgedNode,
  precision: Precision,
  part: RoundedPart,
): boolean {
  // f32 sums lose more in one layer than in another, where terms cancel
  if (precision === 'F32') return true;
  const kind = kindOfNode(node.node);
  const isPeer = (j: JudgedNode): boolean => kindOfNode(j.node) === kind;
  const peers = judged.filter((j) => j !== node && isPeer(j));
  const share = part === 'cache' && node.stretch.length === 0 ? SAME_CACHE : SAME_KIND;
  const likeHere = peers.filter((j) => floorsOf(j) >= share * floorsOf(node) || errorOf(j) >= share * errorOf(node));
  if (2 * likeHere.length < peers.length) return false;
  if (precision === 'F16' || precision === 'TF32' || part === 'cache') return true;
  const error = errorOf(node);
  const others = judged.filter((j) => isMatMul(j.node.kind) && !isPeer(j));
  const alike = others.filter((j) => errorOf(j) >= ANY_KIND * error);
  return others.length >= LEAST_OTHERS && 2 * alike.length >= others.length;
}

function errorOf({ judgement }: JudgedNode): number {
  return judgement.toExact ?? judgement.localNmse;
}

function floorsOf(j: JudgedNode): number {
  return errorOf(j) / j.judgement.noiseFloor;
}

/** Op and name without layer and number: the same in all layers. */
export function kindOfNode({ kind, key }: GraphTensor): string {
  return `${kind} ${key.replace(/-\d+/, '').replace(/#\d+$/, '')}`;
}
