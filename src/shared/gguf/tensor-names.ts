/** Tensor names as GGUF models use them. Source: gguf-py/gguf/constants.py `TENSOR_NAMES` of llama.cpp v0.4.0. */

/** A layer of a stack: the `N` of `blk.N.`, or of an encoder's, decoder's or projector's own stack. */
export interface TensorPlace {
  /** Name of the stack, e.g. `blk`, `enc.blk`, `v.blk`; undefined outside layers. */
  readonly stack: string | undefined;
  /** Layer in its stack; undefined outside layers. */
  readonly layer: number | undefined;
  /** The name without stack and layer: `attn_q.weight`. */
  readonly part: string;
}

/** Takes a name apart: `blk.12.attn_q.weight` is `attn_q.weight` of layer 12 of stack `blk`. */
export function tensorPlace(name: string): TensorPlace {
  const match = /^((?:[a-z_]+\.)*blk)\.(\d+)\.(.+)$/.exec(name);
  if (!match) return { stack: undefined, layer: undefined, part: name };
  return { stack: match[1], layer: Number(match[2]), part: match[3] as string };
}

/** The layer of a weight: the N of `blk.N`. Undefined outside layers and in other stacks than the model's own. */
export function tensorLayer(name: string): number | undefined {
  const { stack, layer } = tensorPlace(name);
  return stack === 'blk' ? layer : undefined;
}

export interface TensorGroup<T> {
  /** `blk.0`, `blk.1` …; undefined for tensors outside layers. */
  readonly title: string | undefined;
  readonly layer: number | undefined;
  readonly tensors: readonly T[];
}

/** Groups tensors for views: those outside layers first, then layer by layer; file order inside a group. */
export function groupByLayer<T extends { readonly name: string }>(tensors: readonly T[]): TensorGroup<T>[] {
  const groups = new Map<string, { place: TensorPlace; tensors: T[] }>();
  for (const tensor of tensors) {
    const place = tensorPlace(tensor.name);
    const key = place.stack === undefined ? '' : `${place.stack}.${place.layer}`;
    const group = groups.get(key);
    if (group) group.tensors.push(tensor);
    else groups.set(key, { place, tensors: [tensor] });
  }
  return [...groups.values()]
    .sort((a, b) => compareStacks(a.place, b.place))
    .map(({ place, tensors: members }) => ({
      title: place.stack === undefined ? undefined : `${place.stack}.${place.layer}`,
      layer: place.layer,
      tensors: members,
    }));
}

function compareStacks(a: TensorPlace, b: TensorPlace): number {
  const [x, y] = [a.stack ?? '', b.stack ?? ''];
  if (x !== y) return x < y ? -1 : 1;
  return (a.layer ?? -1) - (b.layer ?? -1);
}
