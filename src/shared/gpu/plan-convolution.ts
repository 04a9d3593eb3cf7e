import { intParam } from '../ops/op';
import {
  asImages,
  asPatches,
  CONV_TRANSPOSE_1D_OP,
  IM2COL_OP,
  patchSteps,
  POOL,
  POOL_1D_OP,
  poolOf,
} from '../ops/convolution';
import type { Plan } from './kernel-call';
import type { PlanRequest } from './plan-op';
import { elementwiseOf, shapeOf } from './plan-parts';

/** Images of one dimension are images of two that are one high. The kernel's shape is all that counts of it. */
export function planIm2col(request: PlanRequest): Plan {
  const { node, dst, src } = request;
  const [kernel, images] = src;
  const why = IM2COL_OP.check(shapeOf(request));
  if (why !== undefined || !kernel || !images) return { unsupported: why ?? '' };
  const { opParams } = node;
  const [width, height] = asImages(kernel, opParams).ne;
  return elementwiseOf(
    'im2col',
    { ...dst, ...asPatches(dst, opParams) },
    [{ ...images, ...asImages(images, opParams) }],
    { WORDS: 1 },
    { ...patchSteps(opParams), taps: [width, height] },
  );
}

export function planConvTranspose1d(request: PlanRequest): Plan {
  const [kernel, x] = request.src;
  const why = CONV_TRANSPOSE_1D_OP.check(shapeOf(request));
  if (why !== undefined || !kernel || !x) return { unsupported: why ?? '' };
  const stride = intParam(request.node.opParams, 0);
  return elementwiseOf('conv_transpose_1d', request.dst, [kernel, x], {}, { stride });
}

export function planPool1d(request: PlanRequest): Plan {
  const [x] = request.src;
  const why = POOL_1D_OP.check(shapeOf(request));
  if (why !== undefined || !x) return { unsupported: why ?? '' };
  const { pooling, ...window } = poolOf(request.node.opParams);
  return elementwiseOf('pool_1d', request.dst, [x], { IS_MEAN: pooling === POOL.AVG }, window);
}
