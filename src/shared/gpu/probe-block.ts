import { assert } from '../base/assert';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';
import type { BitClass } from './bit-classes';
import { bitClass } from './bit-classes';
import { runBlockKernel } from './block-kernel';
import { BufferPool } from './buffer-pool';
import type { ShaderSource } from './compose-shader';
import type { ElementFields, ProbeFieldName } from './element-fields';
import { elementFields, PROBE_FIELDS } from './element-fields';
import type { GpuSession } from './gpu-session';
import { PipelineCache } from './pipeline-cache';

/** One field of a block on both sides. Lists have one entry per `elementsPerValue` elements in a row. */
export interface ProbedField {
  readonly field: ProbeFieldName;
  readonly elementsPerValue: number;
  /** Empty where the CPU's decoder has no such field. JSON keeps non-finite numbers as strings. */
  readonly cpu: readonly number[];
  /** f32 bits, eight hexadecimal digits. */
  readonly cpuBits: readonly string[];
  /** Empty where the kernel does not tell this field (`note` in its WGSL). */
  readonly gpu: readonly number[];
  readonly gpuBits: readonly string[];
  /** How many of the values are of each class; all zero where one side has none. */
  readonly classes: Readonly<Record<BitClass, number>>;
  /** Indices of the values that differ. */
  readonly different: readonly number[];
}

/** What reports call each field. */
export const PROBED_FIELD_TITLES: Readonly<Record<ProbedField['field'], string>> = {
  d: 'd',
  dmin: 'dmin',
  scale: 'scale',
  min: 'min',
  code: 'code',
  grid: 'grid',
  sign: 'sign',
  delta: 'delta',
  d_scale: 'd·scale',
  dmin_min: 'dmin·min',
  value: 'value',
};

/** What a decoder computed inside the shader, beside the CPU's. */
export interface ProbeReport {
  readonly schema: 'quarrel.probe/1';
  readonly type: GgmlTypeName;
  readonly elements: number;
  /** In the order of PROBE_FIELDS; those that either side has. */
  readonly fields: readonly ProbedField[];
  /** Whether every field that both sides have has equal bits, flushed subnormals and NaNs for NaNs allowed. */
  readonly equal: boolean;
}

/**
 * Decodes one block on the device and reports what the decoder noted on the way. With an overlay's shaders it is the
 * overlay's decoder that is probed. Throws QuarrelError when it does not compile.
 * @param bytes the block
 */
export async function probeBlock(
  session: GpuSession,
  shaders: ShaderSource,
  format: GgmlTypeName,
  bytes: Uint8Array,
): Promise<ProbeReport> {
  const { blockBytes, blockElements } = QUANT_FORMATS[format];
  assert(bytes.length === blockBytes, `a block of ${format} has ${blockBytes} bytes, got ${bytes.length}`);
  const kernel = await new PipelineCache(session, shaders).get({ op: 'probe', quant: format });
  const rows = PROBE_FIELDS.length + 1;
  const pool = new BufferPool(session);
  const work = { bytes, blocks: 1, elements: blockElements, dstBytes: 4 * rows * blockElements };
  const data = await runBlockKernel(session, pool, kernel, { ...work, label: `probe ${format}` });
  pool.dispose();
  const noted = notedFields(new Uint32Array(data.buffer), blockElements);
  const exact = elementFields(format, bytes);
  const fields = PROBE_FIELDS.flatMap((name) => probedField(name, exact[name], noted[name]) ?? []);
  return {
    schema: 'quarrel.probe/1',
    type: format,
    elements: blockElements,
    fields,
    equal: fields.every(({ different }) => different.length === 0),
  };
}

/** The rows of the probe's result that its last row says were written for all elements. */
function notedFields(words: Uint32Array<ArrayBuffer>, elements: number): ElementFields {
  const told = words.subarray(PROBE_FIELDS.length * elements);
  const noted: ElementFields = {};
  PROBE_FIELDS.forEach((name, field) => {
    if (!told.every((bits) => ((bits >>> field) & 1) === 1)) return;
    noted[name] = new Float32Array(words.buffer, 4 * field * elements, elements);
  });
  return noted;
}

function probedField(
  field: ProbeFieldName,
  cpu: Float32Array<ArrayBuffer> | undefined,
  gpu: Float32Array<ArrayBuffer> | undefined,
): ProbedField | undefined {
  const sides = [cpu, gpu].filter((side) => side !== undefined).map(bitsOf);
  const [first] = sides;
  if (!first) return undefined;
  const elementsPerValue = longestRun(sides, first.length);
  const every = (side: Uint32Array): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: side.length / elementsPerValue }, (_, i) => side[i * elementsPerValue] as number);
  const cpuBits = cpu ? every(bitsOf(cpu)) : new Uint32Array(0);
  const gpuBits = gpu ? every(bitsOf(gpu)) : new Uint32Array(0);
  const classes = { equal: 0, flushed: 0, nan: 0, different: 0 };
  const different: number[] = [];
  if (cpu && gpu) {
    cpuBits.forEach((bits, i) => {
      const found = bitClass(gpuBits[i] as number, bits);
      classes[found]++;
      if (found === 'different') different.push(i);
    });
  }
  return {
    field,
    elementsPerValue,
    cpu: numbersOf(cpuBits),
    cpuBits: hexOf(cpuBits),
    gpu: numbersOf(gpuBits),
    gpuBits: hexOf(gpuBits),
    classes,
    different,
  };
}

/** The largest power-of-two part of the block in whose copies all sides are constant. */
function longestRun(sides: readonly Uint32Array[], elements: number): number {
  let run = elements;
  while (run > 1 && !sides.every((side) => side.every((bits, e) => bits === side[e - (e % run)]))) run /= 2;
  return run;
}

function bitsOf(values: Float32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function numbersOf(bits: Uint32Array<ArrayBuffer>): number[] {
  return Array.from(new Float32Array(bits.buffer));
}

function hexOf(bits: Uint32Array): string[] {
  return Array.from(bits, (word) => word.toString(16).padStart(8, '0'));
}
