import type { InputPlant } from '../input-plant';
import type { EnginePlant, KernelPlant } from '../plant';
import { ATTENTION_PLANTS } from './attention';
import { INPUT_PLANTS } from './inputs';
import { KERNEL_PLANTS } from './kernels';
import { LAYER_PLANTS } from './layers';
import { ROPE_PLANTS } from './rope';
import { WEIGHT_PLANTS } from './weights';

export type Plant = EnginePlant | KernelPlant | InputPlant;

export const PLANTS: readonly Plant[] = [
  ...WEIGHT_PLANTS,
  ...ROPE_PLANTS,
  ...ATTENTION_PLANTS,
  ...LAYER_PLANTS,
  ...KERNEL_PLANTS,
  ...INPUT_PLANTS,
];
