/** GELU in the forms that engines compute: x·Φ(x) by erf, its approximation by tanh, the older one by a sigmoid. */
import type { OpKind } from './ggml-op';
import { GGML_GLU_OPS, GGML_UNARY_OPS } from './ggml-op';
import type { Graph, GraphTensor } from './graph';
import { tensorOf } from './graph';

export type GeluForm = 'erf' | 'tanh' | 'quick';

interface FormKinds {
  readonly unary: (typeof GGML_UNARY_OPS)[number];
  readonly glu: (typeof GGML_GLU_OPS)[number];
}

const KINDS: Readonly<Record<GeluForm, FormKinds>> = {
  erf: { unary: 'GELU_ERF', glu: 'GEGLU_ERF' },
  tanh: { unary: 'GELU', glu: 'GEGLU' },
  quick: { unary: 'GELU_QUICK', glu: 'GEGLU_QUICK' },
};

export const GELU_FORMS = Object.keys(KINDS) as readonly GeluForm[];

export function geluFormOf(kind: OpKind): GeluForm | undefined {
  return GELU_FORMS.find((form) => KINDS[form].unary === kind || KINDS[form].glu === kind);
}

/** Nodes that compute GELU in this form, alone or gated, in graph order. */
export function geluNodes(graph: Graph, form: GeluForm): readonly GraphTensor[] {
  return graph.order.map((id) => tensorOf(graph, id)).filter(({ kind }) => geluFormOf(kind) === form);
}

/** The same graph for an engine that computes `to` wherever this one has `from`. */
export function withGeluForm(graph: Graph, from: GeluForm, to: GeluForm): Graph {
  return { ...graph, tensors: graph.tensors.map((t) => (geluFormOf(t.kind) === from ? inForm(t, to) : t)) };
}

function inForm(t: GraphTensor, form: GeluForm): GraphTensor {
  const { unary, glu } = KINDS[form];
  const [kind, id] = t.op === 'GLU' ? [glu, GGML_GLU_OPS.indexOf(glu)] : [unary, GGML_UNARY_OPS.indexOf(unary)];
  return { ...t, kind, opParams: [id, ...t.opParams.slice(1)] };
}
