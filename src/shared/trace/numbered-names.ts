/**
 * Names that ggml gives to tensors without one: `node_48` is the 48th node of its graph, `leaf_17` an input. Another graph
 * of the same model (fused attention, another backend or version) numbers otherwise, so such a name says little by itself.
 */
const NUMBERED = /^(node|leaf)_\d+/;

export function isNumbered(name: string): boolean {
  return NUMBERED.test(name);
}
