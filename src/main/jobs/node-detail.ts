import { QuarrelError } from '../../shared/base/errors';
import type { NodeDetail } from '../../shared/compare/comparison';
import { histogram, sharedEdges } from '../../shared/compare/histogram';
import { largestDifferences } from '../../shared/compare/metrics';
import type { Run } from './run-lanes';
import { nodeRow } from './run-lanes';

const BINS = 64;
const LARGEST = 12;

/** One checkpoint of a run in depth: statistics, histograms over shared bins, the largest differences. */
export function nodeDetail(run: Run, step: number, key: string): NodeDetail {
  const at = run.steps[step];
  if (!at) throw new QuarrelError(`step ${step} of a run of ${run.steps.length}`);
  const { graph } = at.step;
  const { lanes } = at;
  const node = graph.tensors.find((t) => t.key === key);
  if (!node) throw new QuarrelError(`the graph has no node ${key}`);
  const tensors = lanes.map(({ trace }) => (trace?.entries.has(key) ? trace.readF32(key) : undefined));
  const edges = sharedEdges(
    tensors.filter((t) => t !== undefined),
    BINS,
  );
  const reference = tensors[0];
  return {
    row: nodeRow(graph, node, lanes),
    edges,
    histograms: tensors.flatMap((t, i) => (t ? [{ label: lanes[i]!.label, counts: histogram(t, edges) }] : [])),
    largest: tensors.map((t, i) => (i > 0 && t && reference ? largestDifferences(reference, t, node.ne, LARGEST) : [])),
  };
}
