import { openModel } from '../../src/main/files/model-file';
import { defined } from '../../src/shared/base/assert';
import { stepView } from '../../src/shared/trace/steps';
import type { TraceSource } from '../../src/shared/trace/trace';

/** The keys of the first cross-attention in the decoder of `encoderDecoderSpec`. */
export const CROSS_KEYS = 'Kcur-0#1';
const CROSS_WEIGHT = 'dec.blk.0.cross_attn_k.weight';

/** The cross-attention's keys at a decode step, as the encoder's output in the same trace makes them. */
export function expectedCrossKeys(modelPath: string, trace: TraceSource): Float32Array {
  const model = openModel(modelPath);
  try {
    const weight = defined(model.tensor(CROSS_WEIGHT), CROSS_WEIGHT);
    const w = new Float32Array(weight.byteLength / 4);
    weight.copyInto(0, weight.byteLength, new Uint8Array(w.buffer), 0);
    const x = trace.readF32('result_norm');
    const width = weight.ne[0];
    const keys = new Float32Array((x.length / width) * weight.ne[1]);
    for (let i = 0; i < keys.length; i++) {
      const [row, token] = [i % weight.ne[1], Math.floor(i / weight.ne[1])];
      let sum = 0;
      for (let k = 0; k < width; k++) sum += w[row * width + k]! * x[token * width + k]!;
      keys[i] = sum;
    }
    return keys;
  } finally {
    model.dispose();
  }
}

export function crossKeys(trace: TraceSource, step: number): Float32Array {
  return stepView(trace, step).readF32(CROSS_KEYS);
}
