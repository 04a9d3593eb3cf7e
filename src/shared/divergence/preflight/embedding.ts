/** The last rung: whether the first rows that are read, those of the token embedding, are the reference's. */
import type { Graph, GraphTensor } from '../../graph/graph';
import { tensorOf } from '../../graph/graph';
import type { Examination } from '../examine';
import type { Rung } from '../checks';

/** Names of llama.cpp's token embeddings. */
const EMBEDDINGS = /^(token_embd|tok_embeddings)\b/;

export function checkEmbedding(graph: Graph, { judged, notMeasured }: Examination): Rung {
  const rung = (state: Rung['state'], text: string, details: readonly string[] = []): Rung => ({
    id: 'embedding',
    title: 'Embedding rows',
    state,
    text,
    details,
  });
  const node = embeddingNode(graph);
  if (!node) return rung('not-measured', 'the graph reads no rows of a token embedding');
  const found = judged.find((j) => j.node.id === node.id);
  if (!found) {
    const reason = notMeasured.find((n) => n.node === node.key)?.reason ?? 'the node did not run';
    return rung('not-measured', `${node.key}: ${reason}`);
  }
  const { bad, why } = found.judgement;
  if (bad) return rung('different', `${node.key}: ${why}`);
  return rung('equal', `${node.key}: ${node.ne[1] === 1 ? 'the row is' : `all ${node.ne[1]} rows are`} right`);
}

/** The first gather from the token embedding. */
function embeddingNode(graph: Graph): GraphTensor | undefined {
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (node.op !== 'GET_ROWS' || node.src[0] === undefined) continue;
    const source = tensorOf(graph, node.src[0]);
    if (source.role === 'weight' && EMBEDDINGS.test(source.name)) return node;
  }
  return undefined;
}
