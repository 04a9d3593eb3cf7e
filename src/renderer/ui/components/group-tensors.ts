import type { TensorReport } from '../../../shared/gguf/inspect-report';

export interface TensorGroup {
  readonly label: string;
  readonly tensors: readonly TensorReport[];
  readonly bytes: number;
}

/** Tensors by layer, those outside layers first; only those whose name or type contains `filter`. */
export function groupTensors(tensors: readonly TensorReport[], filter: string): readonly TensorGroup[] {
  const wanted = filter.trim().toLowerCase();
  const byLayer = new Map<number, TensorReport[]>();
  for (const tensor of tensors) {
    if (!`${tensor.name} ${tensor.type}`.toLowerCase().includes(wanted)) continue;
    const layer = tensor.layer ?? -1;
    const group = byLayer.get(layer);
    if (group) group.push(tensor);
    else byLayer.set(layer, [tensor]);
  }
  return [...byLayer]
    .sort(([a], [b]) => a - b)
    .map(([layer, group]) => ({
      label: layer < 0 ? 'Outside layers' : `Layer ${layer}`,
      tensors: group,
      bytes: group.reduce((sum, t) => sum + (t.bytes ?? 0), 0),
    }));
}
