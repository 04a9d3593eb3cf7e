/** `weights.gguf` of a repro: the weights that the part reads, their bytes as the model has them. */
import type { WeightSource, WeightTensor } from '../../shared/gguf/model-source';
import type { TensorSpec } from '../../shared/gguf/write';
import { layoutGguf } from '../../shared/gguf/write';
import { QuarrelError } from '../../shared/base/errors';
import { rowBytes } from '../../shared/quant/registry';
import { PartFile } from '../files/part-file';

const WINDOW_BYTES = 4 << 20;

/** Weights with a note of those that somebody asked for. */
export class RecordedWeights implements WeightSource {
  readonly label: string;
  private readonly asked = new Set<string>();

  constructor(private readonly weights: WeightSource) {
    this.label = weights.label;
  }

  tensor(name: string): WeightTensor | undefined {
    const found = this.weights.tensor(name);
    if (found) this.asked.add(name);
    return found;
  }

  /** The names asked for while `body` ran. */
  async during(body: () => Promise<unknown>): Promise<readonly string[]> {
    this.asked.clear();
    await body();
    return [...this.asked];
  }
}

type Shape = Pick<WeightTensor, 'name' | 'type' | 'ne'>;

/** The weights of a folder, and others of which it has only the shape. */
export class ReproWeights implements WeightSource {
  readonly label: string;
  private readonly shapes: ReadonlyMap<string, Shape>;
  private isLooking = false;

  constructor(
    private readonly weights: WeightSource,
    shapes: readonly Shape[],
  ) {
    this.label = weights.label;
    this.shapes = new Map(shapes.map((shape) => [shape.name, shape]));
  }

  tensor(name: string): WeightTensor | undefined {
    const found = this.weights.tensor(name);
    const shape = found ? undefined : this.shapes.get(name);
    return shape ? this.withoutData(shape) : found;
  }

  /** Weights without data look like zeros while `list` runs. */
  looking<T>(list: () => T): T {
    this.isLooking = true;
    try {
      return list();
    } finally {
      this.isLooking = false;
    }
  }

  private withoutData({ name, type, ne }: Shape): WeightTensor {
    return {
      name,
      type,
      ne,
      byteLength: rowBytes(type, ne[0]) * ne[1] * ne[2] * ne[3],
      copyInto: (_offset, length, dst, dstOffset) => {
        if (!this.isLooking) throw new QuarrelError(`${this.label}: the weight ${name} is missing`);
        dst.fill(0, dstOffset, dstOffset + length);
      },
    };
  }
}

export function writeWeights(path: string, model: string, tensors: readonly WeightTensor[]): void {
  const metadata = [
    { key: 'general.architecture', type: 'str', value: 'quarrel-repro' },
    { key: 'general.name', type: 'str', value: `weights of ${model} that one node reads` },
  ] as const;
  const layout = layoutGguf({ metadata, tensors: tensors.map(specOf) });
  const file = PartFile.create(path);
  try {
    file.write(layout.header);
    layout.tensors.forEach(({ offset, byteLength }, i) => {
      copyTensor(tensors[i] as WeightTensor, file);
      const next = layout.tensors[i + 1]?.offset ?? layout.fileSize;
      file.write(new Uint8Array(next - offset - byteLength));
    });
    file.commit();
  } finally {
    file.dispose();
  }
}

function copyTensor(tensor: WeightTensor, file: PartFile): void {
  const window = new Uint8Array(Math.min(WINDOW_BYTES, tensor.byteLength));
  for (let done = 0; done < tensor.byteLength; done += window.length) {
    const length = Math.min(window.length, tensor.byteLength - done);
    tensor.copyInto(done, length, window, 0);
    file.write(window.subarray(0, length));
  }
}

function specOf({ name, type, ne }: WeightTensor): TensorSpec {
  let count = 4;
  while (count > 1 && ne[count - 1] === 1) count--;
  return { name, type, ne: ne.slice(0, count) };
}
