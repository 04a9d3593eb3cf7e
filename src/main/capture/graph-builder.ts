import type { NodeId } from '../../shared/base/brand';
import { nodeId } from '../../shared/base/brand';
import { QuarrelError } from '../../shared/base/errors';
import type { GgmlOp, OpKind } from '../../shared/graph/ggml-op';
import { GGML_GLU_OPS, GGML_OPS, GGML_UNARY_OPS } from '../../shared/graph/ggml-op';
import type { Graph, GraphTensor, TensorRole } from '../../shared/graph/graph';
import { isComputing, tensorOf } from '../../shared/graph/graph';
import { ggmlTypeName } from '../../shared/quant/ggml-type';
import type { RawTensor } from './struct-layouts';

/**
 * Builds the graph tensor by tensor in the order in which llama.cpp shows it. Until `finish`, keys are provisional:
 * every one carries its `#k`; `finish` drops it where the name turned out to be the only one of its kind.
 */
export class GraphBuilder {
  private readonly tensors: GraphTensor[] = [];
  private readonly order: NodeId[] = [];
  private readonly ids = new Map<bigint, NodeId>();
  private readonly counts = new Map<string, number>();
  /** The newest tensor of each name, to which the scheduler's copies between devices lead back. */
  private readonly newestByName = new Map<string, NodeId>();

  /** The graph so far; grows with every tensor. */
  readonly graph: Graph = { tensors: this.tensors, order: this.order };

  idOf(address: bigint): NodeId | undefined {
    return this.ids.get(address);
  }

  /** Makes a second address stand for a tensor that is known (a copy between devices). */
  alias(address: bigint, id: NodeId): void {
    this.ids.set(address, id);
  }

  newestNamed(name: string): NodeId | undefined {
    return this.newestByName.get(name);
  }

  /** @param state what tells a state apart from others of its name */
  addLeaf(address: bigint, raw: RawTensor, role: Exclude<TensorRole, 'node'>, state?: string): GraphTensor {
    return this.add(address, raw, role, state);
  }

  /** Adds a node, whose sources and view source must be known, to the order of execution. */
  addNode(address: bigint, raw: RawTensor): GraphTensor {
    const node = this.add(address, raw, 'node');
    this.order.push(node.id);
    return node;
  }

  /** Says that the tensor's value goes from graph to graph under this name. */
  markCarried(id: NodeId, carried: string): void {
    this.tensors[id] = { ...tensorOf(this.graph, id), carried };
  }

  /** The graph with final keys, and the final key of every provisional one that changed. */
  finish(): { readonly graph: Graph; readonly renamed: ReadonlyMap<string, string> } {
    const renamed = new Map<string, string>();
    const tensors = this.tensors.map((t) => {
      const base = t.key.slice(0, t.key.lastIndexOf('#'));
      if (this.counts.get(base) !== 1) return t;
      renamed.set(t.key, base);
      return { ...t, key: base };
    });
    return { graph: { tensors, order: this.order }, renamed };
  }

  private add(address: bigint, raw: RawTensor, role: TensorRole, state?: string): GraphTensor {
    const op = opOf(raw);
    const type = ggmlTypeName(raw.type);
    if (type === undefined) throw new QuarrelError(`tensor ${raw.name} has ggml type ${raw.type}, which is not known`);
    const id = nodeId(this.tensors.length);
    const draft: GraphTensor = {
      id,
      name: raw.name,
      key: '',
      role,
      ...(state === undefined ? {} : { state }),
      op,
      kind: kindOf(op, raw),
      opParams: raw.opParams,
      type,
      ne: raw.ne,
      nb: raw.nb,
      src: raw.src.map((s) => (s === 0n ? undefined : this.known(s, raw))),
      ...(raw.viewSrc === 0n ? {} : { viewSrc: this.known(raw.viewSrc, raw) }),
      viewOffs: raw.viewOffs,
    };
    const tensor = { ...draft, key: this.provisionalKey(draft) };
    this.tensors.push(tensor);
    this.ids.set(address, id);
    this.newestByName.set(raw.name, id);
    return tensor;
  }

  private known(address: bigint, user: RawTensor): NodeId {
    const id = this.ids.get(address);
    if (id === undefined) throw new QuarrelError(`the graph uses a tensor in ${user.name} that it never showed`);
    return id;
  }

  private provisionalKey(t: GraphTensor): string {
    const base = isComputing(this.graph, t) ? t.name : `${t.role === 'node' ? 'view' : 'leaf'}:${t.name}`;
    const k = this.counts.get(base) ?? 0;
    this.counts.set(base, k + 1);
    return `${base}#${k}`;
  }
}

function opOf(raw: RawTensor): GgmlOp {
  const op = GGML_OPS[raw.op];
  if (op === undefined) throw new QuarrelError(`tensor ${raw.name} has ggml op ${raw.op}, which is not known`);
  return op;
}

function kindOf(op: GgmlOp, raw: RawTensor): OpKind {
  if (op !== 'UNARY' && op !== 'GLU') return op;
  const id = raw.opParams[0] ?? -1;
  const kind = op === 'UNARY' ? GGML_UNARY_OPS[id] : GGML_GLU_OPS[id];
  if (kind === undefined) throw new QuarrelError(`tensor ${raw.name} has sub-op ${id} of ${op}, which is not known`);
  return kind;
}
