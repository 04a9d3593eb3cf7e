import { pairCount, ropePairs } from '../../../ops/rope-angles';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { valuesOf } from '../../site';
import { NARROW, narrowTo } from '../../narrow-floats';
import { componentsOf, hasFactors, magnitudeOf, ropeOf, rotateHeads } from './rope-site';
import { allValuesOf } from './source-values';

/** Steps of the angle's computation, in order. */
const STEPS = ['positions', 'frequencies', 'angles', 'cosine and sine'] as const;
type Step = (typeof STEPS)[number];

export const ROPE_PRECISION: Hypothesis = {
  id: 'rope-precision',
  title: 'RoPE angles are computed in 16 bits',
  explanation:
    'Positions, frequencies or angles are rounded to f16 or bf16 on the way. An angle of many turns then loses its ' +
    'fraction: the fast pairs go wrong, the more the further the position (bf16 counts only to 256, f16 to 2048).',
  whereToLook:
    'The types of positions, inverse frequencies and angles in your RoPE: all have to be f32 up to cosine and sine.',
  citations: [],
  catalogue: [10],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p || p.extFactor !== 0 || componentsOf(p) > 1) return;
    for (const type of NARROW) {
      for (const step of STEPS) yield rounding(type, [step]);
      yield rounding(type, STEPS);
    }
  },
};

function rounding(type: (typeof NARROW)[number], steps: readonly Step[]): Variant {
  const label = `${steps.length > 1 ? 'all of it' : (steps[0] as string)} in ${type}`;
  const predict = (site: Site): Float32Array => {
    const round = (step: Step): ((x: number) => number) => (steps.includes(step) ? narrowTo(type) : (x) => x);
    return rotatedWith(site, {
      positions: round('positions'),
      frequencies: round('frequencies'),
      angles: round('angles'),
      turns: round('cosine and sine'),
    });
  };
  return { label, parameters: { rounded: label, right: 'f32' }, predict };
}

type Roundings = Readonly<Record<'positions' | 'frequencies' | 'angles' | 'turns', (x: number) => number>>;

function rotatedWith(site: Site, round: Roundings): Float32Array {
  const p = ropeOf(site);
  if (!p) return site.right;
  const factors = hasFactors(site) ? allValuesOf(site, 2) : undefined;
  const positions = valuesOf(site, 1);
  const m = magnitudeOf(p);
  const frequencies = ropePairs(p).map(({ steps }, i) =>
    round.frequencies((p.freqScale * p.freqBase ** ((-2 * steps) / p.dims)) / (factors?.[i] ?? 1)),
  );
  const turns = Array.from(positions, (position) => {
    const cos = new Float64Array(pairCount(p));
    const sin = new Float64Array(pairCount(p));
    for (let i = 0; i < cos.length; i++) {
      const angle = round.angles(round.positions(position) * (frequencies[i] as number));
      cos[i] = round.turns(Math.cos(angle) * m);
      sin[i] = round.turns(Math.sin(angle) * m);
    }
    return { cos, sin };
  });
  return rotateHeads(site, (_, token) => turns[token] as { cos: Float64Array; sin: Float64Array });
}
