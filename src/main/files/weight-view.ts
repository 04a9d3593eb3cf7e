import type { WeightPrecision } from '../../shared/gguf/ablated-weights';
import { ablatedTensor } from '../../shared/gguf/ablated-weights';
import type { WeightSource, WeightTensor } from '../../shared/gguf/model-source';
import type { ModelFile, ModelHandle } from './model-file';
import type { ModelTensor } from './model-tensor';

/** How lanes read the weights of a model. */
export interface WeightAccess {
  readonly precision: WeightPrecision;
  /**
   * Reads windows of the file instead of its mapping, whose pages would stay in the process's memory: for models that
   * do not fit it.
   */
  readonly streamed: boolean;
}

export const PLAIN_ACCESS: WeightAccess = { precision: 'as-is', streamed: false };

/** The weights of an open model as one job reads them. Nothing of its own to dispose. */
export class WeightView implements WeightSource {
  readonly label: string;
  private static readonly views = new WeakMap<ModelFile, Map<string, WeightView>>();

  private constructor(
    readonly file: ModelFile,
    readonly access: WeightAccess,
  ) {
    this.label = access.precision === 'as-is' ? file.label : `${file.label} at ${access.precision}`;
  }

  /** The one view of this kind: lanes keep uploaded weights for as long as their source is the same. */
  static of(file: ModelFile, access: WeightAccess): WeightView {
    const key = `${access.precision} ${access.streamed}`;
    const views = WeightView.views.get(file) ?? new Map<string, WeightView>();
    WeightView.views.set(file, views);
    const view = views.get(key) ?? new WeightView(file, access);
    views.set(key, view);
    return view;
  }

  tensor(name: string): WeightTensor | undefined {
    const tensor = this.file.tensor(name);
    return tensor && throughAccess(tensor, this.access);
  }

  /** For `attachWeights` in another worker thread. */
  handle(): WeightHandle {
    return { model: this.file.handle(), access: this.access };
  }
}

/** A `WeightView` as another thread of the process may read it; can be structured-cloned. */
export interface WeightHandle {
  readonly model: ModelHandle;
  readonly access: WeightAccess;
}

/** One weight, read as `access` says. */
export function throughAccess(tensor: ModelTensor, access: WeightAccess): WeightTensor {
  const read = access.streamed ? streamedTensor(tensor) : tensor;
  return ablatedTensor(read, access.precision);
}

function streamedTensor(tensor: ModelTensor): WeightTensor {
  const { name, type, ne, byteLength } = tensor;
  return {
    name,
    type,
    ne,
    byteLength,
    copyInto: (offset, length, dst, dstOffset) => tensor.readInto(offset, length, dst, dstOffset),
  };
}
