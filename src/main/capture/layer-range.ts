import { QuarrelError } from '../../shared/base/errors';

/** Layers whose nodes are stored, both ends included. */
export interface LayerRange {
  readonly from: number;
  readonly to: number;
}

/** Throws QuarrelError when the wanted layers are none of the model's. */
export function checkLayers(layers: LayerRange, count: number, model: string): void {
  const { from, to } = layers;
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to < count)) {
    throw new QuarrelError(`layers ${from}..${to} of ${model}: it has layers 0..${count - 1}`);
  }
}
