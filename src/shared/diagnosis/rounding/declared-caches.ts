import type { Graph } from '../../graph/graph';
import type { GgmlTypeName } from '../../quant/ggml-type';

/** The types of an engine's caches, as its own graph has them. */
export interface DeclaredCaches {
  readonly keys?: GgmlTypeName;
  /** Those of the keys where they are a part of these (MLA). */
  readonly values?: GgmlTypeName;
}

/** Nothing where it shows no graph, or holds nothing from step to step. */
export function declaredCaches(graph: Graph | undefined): DeclaredCaches {
  const typeOf = (which: 'k' | 'v'): GgmlTypeName | undefined =>
    graph?.tensors.find(({ role, name }) => role === 'state' && name.startsWith(`cache_${which}_`))?.type;
  const keys = typeOf('k');
  const values = typeOf('v') ?? keys;
  return { ...(keys && { keys }), ...(values && { values }) };
}
