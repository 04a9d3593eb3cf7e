import type { Cause, ErrorShape } from '../../src/shared/divergence/cause';
import { ALL_AS_IS } from '../../src/shared/divergence/run-choices';
import type { Rounding } from '../../src/shared/divergence/rounding';
import type {
  BadNode,
  ProfileEntry,
  RoundedNode,
  StepVerdict,
  Verdict,
  VerdictKind,
} from '../../src/shared/divergence/verdict';

/** Logits that all are numbers. */
export const NUMBERS = { reference: 0, candidate: 0, of: 4 };

/** Verdicts for the views' tests: each argument replaces a field. */
export function sampleVerdict(fields: Partial<Verdict> = {}): Verdict {
  const firstBad = fields.firstBad ?? null;
  return {
    schema: 'quarrel.verdict/1',
    model: '/models/m.gguf',
    tokens: [1, 2],
    reference: 'llama',
    candidate: 'webgpu',
    options: ALL_AS_IS,
    verdict: firstBad ? 'diverged' : 'clean',
    reason: null,
    firstBad,
    allBad: firstBad ? [firstBad] : [],
    bugs: [],
    rounded: [],
    precision: null,
    strict: false,
    coverage: { measured: 4, covered: 4, nodes: 4 },
    cause: firstBad?.cause ?? null,
    nonFinite: null,
    logits: { reference: null, candidate: null, kld: null, sameTop: null, notNumbers: NUMBERS, gap: null },
    expectation: null,
    notMeasured: [],
    unplaced: [],
    nearest: null,
    compared: 4,
    alignment: [],
    preflight: [],
    observations: [],
    profile: [],
    runs: null,
    steps: [sampleStep(0, firstBad ? 'diverged' : 'clean', [1, 2], 7)],
    ...fields,
  };
}

export function sampleStep(step: number, verdict: VerdictKind, tokens: readonly number[], next: number): StepVerdict {
  const top = { token: next, text: ` t${next}`, logit: 1 };
  const logits = { reference: top, candidate: top, kld: 0, sameTop: true, notNumbers: NUMBERS, gap: 1 };
  return { step, tokens, verdict, firstBad: null, compared: 1, logits };
}

export function sampleBad(fields: Partial<BadNode> = {}): BadNode {
  const layer = fields.layer === undefined ? 3 : fields.layer;
  return {
    step: 0,
    layer,
    node: layer === null ? 'result_output' : `ffn_out-${layer}`,
    op: 'MUL_MAT',
    tensor: null,
    localNmse: 1,
    noiseFloor: 1e-5,
    worst: { index: [0, 0, 0, 0], reference: 0, candidate: 1 },
    block: null,
    stretch: [],
    writes: [],
    why: 'local error is 100000× the noise floor',
    cause: null,
    shape: null,
    weight: null,
    tried: 0,
    untried: 0,
    effect: null,
    ...fields,
  };
}

export function sampleCause(fields: Partial<Cause> = {}): Cause {
  return {
    id: 'attention-scale',
    title: 'attention scores are scaled by another factor',
    explained: 0.999998,
    nodes: ['kq_soft_max-0'],
    parameters: { scale: 1, right: 0.125 },
    explanation: '',
    whereToLook: '',
    citations: [],
    alternatives: [],
    ...fields,
  };
}

export function sampleShape(fields: Partial<ErrorShape> = {}): ErrorShape {
  const heat = { columns: 1, rows: 1, elementsPerColumn: 1, rowsPerRow: 1, values: [1] };
  return { wrongShare: 0.5, heat, findings: [], nearMisses: [], ...fields };
}

export function sampleEntry(node: string, layer: number | null, fields: Partial<ProfileEntry> = {}): ProfileEntry {
  return {
    step: 0,
    node,
    op: 'ADD',
    layer,
    local: 1e-14,
    floor: 1e-13,
    inherited: 1e-12,
    bad: false,
    rounded: false,
    ...fields,
  };
}

/** A mat-mul that rounds its activations to F16. */
export function sampleRounded(
  node: string,
  rounding: Partial<Rounding> = {},
  fields: Partial<RoundedNode> = {},
): RoundedNode {
  const to = rounding.to ?? 'F16';
  return {
    step: 0,
    layer: 0,
    node,
    op: 'MUL_MAT',
    localNmse: 8e-6,
    noiseFloor: 1e-6,
    rounding: {
      part: 'activations',
      to,
      underflow: false,
      reproduced: true,
      text: `activations in ${to}`,
      ...rounding,
    },
    ...fields,
  };
}
