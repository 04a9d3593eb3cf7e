/** Bugs of kernels: snippets of the shipped shaders replaced, with parameters. */
import type { GraphTensor } from '../../../../shared/graph/graph';
import type { GgmlTypeName } from '../../../../shared/quant/ggml-type';
import type { KernelEdits, KernelPlant, Site } from '../plant';
import { readersOf } from './weights';

type Replacement = readonly [string, string];

interface Simple extends Omit<KernelPlant, 'kind' | 'edits'> {
  readonly file: string;
  /** The edit, with its parameters, and the first node that shows it. */
  readonly draw: (site: Site) => { replace: readonly Replacement[]; first: GraphTensor | undefined; note: string };
}

function simple({ file, draw, ...plant }: Simple): KernelPlant {
  return {
    ...plant,
    kind: 'kernel',
    edits: (site): KernelEdits | undefined => {
      const { replace, first, note } = draw(site);
      return first && { files: [{ file, replace }], first: first.key, note };
    },
  };
}

interface Decoder extends Omit<KernelPlant, 'kind' | 'edits'> {
  readonly file: string;
  readonly types: readonly GgmlTypeName[];
  readonly replace: readonly Replacement[];
}

/** A decoder's bug shows at the first node that reads the format. */
function decoder({ types, replace, ...plant }: Decoder): KernelPlant {
  return simple({
    ...plant,
    draw: (site) => ({ replace, first: readersOf(site, types)[0], note: types.join(', ') }),
  });
}

const LEGACY = ['made-legacy'];
const CODES_OF_HALVES = 'qs >> (4u * (j / 16u))';
const OTHER_HALF: Replacement = [CODES_OF_HALVES, 'qs >> (4u * (1u - j / 16u))'];

const DECODERS: readonly Decoder[] = [
  {
    ...{
      name: 'k-scale-bits-kernel',
      reduced: true,
      row: 1,
      title: 'scales 4 to 7 without their high bits',
      types: ['Q4_K', 'Q5_K'],
    },
    ...{ models: ['tiny', 'llama-dense', 'sample'], instances: 2, file: 'lib/scale-min-k4.wgsl' },
    replace: [['let scale = (low & 15u) | ((weight_u8(s + j - 4u) >> 6u) << 4u);', 'let scale = low & 15u;']],
  },
  {
    ...{ name: 'q3k-scale-kernel', row: 2, title: '6-bit scales read as 4-bit', types: ['Q3_K'] },
    ...{ models: ['made-k'], file: 'quant/k-quants/q3_k.wgsl' },
    replace: [['f32(low | (high << 4u)) - 32.0', 'f32(low + 0u * high) - 8.0']],
  },
  {
    ...{ name: 'q2k-lane-kernel', row: 3, title: "another sub-block's scale", types: ['Q2_K'] },
    ...{ models: ['made-k'], file: 'quant/k-quants/q2_k.wgsl' },
    replace: [['weight_u8(block + (k % 256u) / 16u)', 'weight_u8(block + (((k % 256u) / 16u) ^ 1u))']],
  },
  {
    ...{ name: 'q4_0-nibbles-kernel', row: 4, title: 'the high nibble first', types: ['Q4_0'] },
    ...{ models: LEGACY, file: 'quant/legacy/q4_0.wgsl', replace: [OTHER_HALF] },
  },
  {
    ...{ name: 'iq4nl-nibbles-kernel', row: 4, title: 'the high nibble first', types: ['IQ4_NL'] },
    ...{ models: LEGACY, file: 'quant/i-quants/iq4_nl.wgsl', replace: [OTHER_HALF] },
  },
  {
    ...{ name: 'mxfp4-nibbles-kernel', row: 4, title: 'the high nibble first', types: ['MXFP4'] },
    ...{ models: LEGACY, file: 'quant/microscaling/mxfp4.wgsl', replace: [OTHER_HALF] },
  },
  {
    ...{ name: 'q4_1-header-kernel', row: 5, title: 'codes read from within the header', types: ['Q4_1'] },
    ...{ models: [...LEGACY, 'smollm2'], file: 'quant/legacy/q4_1.wgsl' },
    replace: [
      ['BLOCK_BYTES + 4u + j % 16u', 'BLOCK_BYTES + 2u + j % 16u'],
      ['weight_word(row', 'weight_u32(row'],
    ],
  },
  {
    ...{ name: 'q4_0-sign-kernel', row: 6, title: "codes as two's complement", types: ['Q4_0'] },
    ...{ models: [...LEGACY, 'made-bias'], file: 'quant/legacy/q4_0.wgsl' },
    replace: [
      ['vec4<f32>(codes) - 8.0', 'vec4<f32>(codes) - select(vec4<f32>(0.0), vec4<f32>(16.0), codes > vec4<u32>(7u))'],
    ],
  },
  {
    ...{ name: 'iq3s-grid-kernel', row: 7, title: "the grid index's ninth bit dropped", types: ['IQ3_S'] },
    ...{ models: ['made-iq3'], file: 'quant/i-quants/iq3_s.wgsl' },
    replace: [['codebook4(entry)', 'codebook4(entry & 0xffu)']],
  },
  {
    ...{ name: 'q5_0-high-bit-kernel', row: 0, title: 'the fifth bit dropped', types: ['Q5_0'] },
    ...{ models: LEGACY, file: 'quant/legacy/q5_0.wgsl' },
    replace: [['low | (high << vec4<u32>(4u))', 'low | ((high & vec4<u32>(0u)) << vec4<u32>(4u))']],
  },
  {
    ...{ name: 'q6k-high-bits-kernel', row: 0, title: 'the upper bits of the codes dropped', types: ['Q6_K'] },
    ...{ models: ['tiny', 'made-k'], file: 'quant/k-quants/q6_k.wgsl' },
    replace: [['bytes_of(low | high)', 'bytes_of(low | (high & 0u))']],
  },
  {
    ...{ name: 'q4k-min-kernel', row: 0, title: 'the min added', types: ['Q4_K'] },
    ...{ models: ['tiny', 'qwen3moe-moe', 'phi3-dense'], instances: 2, file: 'quant/k-quants/q4_k.wgsl' },
    replace: [['* scale.x - scale.y', '* scale.x + scale.y']],
  },
  {
    ...{ name: 'subnormal-kernel', row: 8, title: 'subnormal f16 scales flushed', types: ['Q4_0', 'Q4_1', 'Q5_0'] },
    ...{ models: ['made-tiny'], file: 'lib/f16.wgsl' },
    replace: [['select(normal, subnormal, exponent == 0u)', 'select(normal, subnormal & 0u, exponent == 0u)']],
  },
  {
    ...{
      name: 'subnormal-x16-kernel',
      row: 9,
      title: 'subnormal f16 scales 16 times too large',
      types: ['Q4_0', 'Q4_1'],
    },
    ...{
      models: ['made-tiny'],
      file: 'lib/f16.wgsl',
      replace: [['f32(mantissa) * 0x1p-24', 'f32(mantissa) * 0x1p-20']],
    },
  },
];

const firstOf = (site: Site, is: (n: GraphTensor) => boolean): GraphTensor | undefined => site.nodes.find(is);
const MUL_MAT = 'ops/mul_mat.wgsl';

const OPS: readonly Simple[] = [
  {
    ...{ name: 'rope-pairs-kernel', row: 25, title: 'halves paired for neighbours, or the reverse', instances: 2 },
    ...{ models: ['tiny', 'qwen2-dense', 'made-bias'], file: 'ops/rope.wgsl' },
    draw: (site) => ({
      replace: [
        ['select(channel / 2u, channel % pairs, HALVES)', 'select(channel / 2u, channel % pairs, !HALVES)'],
        ['channel >= pairs, HALVES)', 'channel >= pairs, !HALVES)'],
        ['select(1u, pairs, HALVES)', 'select(1u, pairs, !HALVES)'],
      ],
      first: firstOf(site, (n) => n.kind === 'ROPE'),
      note: 'NEOX and NORM swapped',
    }),
  },
  {
    ...{ name: 'partial-rope-kernel', row: 29, title: 'channels that are not turned come out zero' },
    ...{ models: ['made-partial-rope'], file: 'ops/rope.wgsl' },
    draw: (site) => ({
      replace: [['store_bits(to, src0_bits(source));\n    return;', 'store_bits(to, 0u);\n    return;']],
      first: firstOf(site, (n) => n.kind === 'ROPE'),
      note: '',
    }),
  },
  {
    ...{ name: 'epsilon-kernel', row: 32, title: 'another epsilon', models: ['made-quiet'], file: 'ops/rms_norm.wgsl' },
    draw: (site) => {
      const epsilon = site.random.pick(['1e-6', '1e-3', '3e-4']);
      return {
        replace: [['bitcast<u32>(params.epsilon)', `bitcast<u32>(${epsilon} + 0.0 * params.epsilon)`]],
        first: firstOf(site, (n) => n.kind === 'RMS_NORM'),
        note: `ε = ${epsilon}`,
      };
    },
  },
  {
    ...{ name: 'partial-reduction-kernel', row: 24, title: 'lanes missing from the sum of squares' },
    ...{ models: ['tiny', 'llama-dense', 'made-k'], instances: 2, file: 'lib/scaled-rows.wgsl' },
    draw: (site) => {
      const lanes = site.random.integer(24, 60);
      return {
        replace: [
          [
            'for (var i = lane; i < ne.x; i += WORKGROUP) {\n    squares',
            `for (var i = lane; i < ne.x && lane < ${lanes}u; i += WORKGROUP) {\n    squares`,
          ],
        ],
        first: firstOf(site, (n) => n.kind === 'RMS_NORM'),
        note: `${lanes} of 64 lanes`,
      };
    },
  },
  {
    ...{ name: 'attention-scale-kernel', row: 0, title: 'another attention scale', file: 'ops/soft_max.wgsl' },
    models: ['tiny', 'qwen2-dense'],
    draw: (site) => {
      const factor = site.random.pick(['0.5', '1.4142135', '8.0']);
      return {
        replace: [
          [
            'src0_bits(address(params.src0, at)), params.scale)',
            `src0_bits(address(params.src0, at)), ${factor} * params.scale)`,
          ],
        ],
        first: firstOf(site, (n) => n.kind === 'SOFT_MAX' && n.name.startsWith('kq')),
        note: `times ${factor}`,
      };
    },
  },
  {
    ...{
      name: 'gqa-kernel',
      reduced: true,
      row: 38,
      title: 'heads of K and V tiled where they are repeated',
      file: MUL_MAT,
    },
    ...{ models: ['tiny', 'made-bias', 'smollm2'], instances: 2 },
    draw: (site) => ({
      replace: [['batch / (params.src1.ne.zw / params.src0.ne.zw)', 'batch % params.src0.ne.zw']],
      first: firstOf(site, (n) => n.kind === 'MUL_MAT' && /^kq-\d/.test(n.name)),
      note: '',
    }),
  },
  {
    ...{ name: 'tile-tail-kernel', row: 13, title: 'rows past the last whole tile are not computed', file: MUL_MAT },
    ...{ models: ['tiny', 'llama-dense'] },
    draw: (site) => {
      const tile = site.random.pick([48, 80, 96, 112]);
      return {
        replace: [['if (row >= params.src0.ne.y) {', `if (row >= params.src0.ne.y - params.src0.ne.y % ${tile}u) {`]],
        first: firstOf(site, (n) => n.kind === 'MUL_MAT' && n.ne[0] % tile !== 0),
        note: `tiles of ${tile}`,
      };
    },
  },
  {
    ...{ name: 'index-wraps-kernel', row: 16, title: 'row indices wrap around', file: MUL_MAT },
    ...{ models: ['tiny', 'made-k'] },
    draw: (site) => ({
      replace: [
        [
          'vec4<u32>(0u, min(row, params.src0.ne.y - 1u), batch)',
          'vec4<u32>(0u, min(row, params.src0.ne.y - 1u) & 127u, batch)',
        ],
      ],
      first: firstOf(site, (n) => n.kind === 'MUL_MAT' && n.ne[0] > 128),
      note: 'modulo 128',
    }),
  },
  {
    ...{ name: 'one-node-kernel', row: 0, title: 'wrong only past some row, in one node', file: MUL_MAT, instances: 2 },
    models: ['tiny', 'llama-dense', 'made-k'],
    draw: (site) => {
      const node = site.random.pick(site.nodes.filter((n) => n.kind === 'MUL_MAT' && n.ne[0] >= 64));
      const order = site.graph.order.indexOf(node.id);
      const row = site.random.integer(node.ne[0] / 2, node.ne[0] - 8);
      const factor = site.random.pick(['0.0', '-1.0', '1.25']);
      return {
        replace: [
          [
            'batch)), sums[c][r]);',
            `batch)), sums[c][r] * select(1.0, ${factor}, params.node == ${order}u && row + r >= ${row}u));`,
          ],
        ],
        first: node,
        note: `from row ${row} of ${node.ne[0]}, times ${factor}`,
      };
    },
  },
  {
    ...{ name: 'cache-row-lost-kernel', reduced: true, row: 43, title: "one token's keys never reach the cache" },
    ...{ models: ['tiny', 'qwen2-dense'], file: 'ops/set_rows.wgsl' },
    draw: (site) => {
      const writes = site.nodes.filter((n) => n.op === 'SET_ROWS' && n.name.startsWith('cache_k'));
      const write = writes.length > 0 ? site.random.pick(writes) : undefined;
      const token = site.random.integer(1, 4);
      const order = write ? site.graph.order.indexOf(write.id) : 0;
      return {
        replace: [
          [
            'if (row >= params.dst.ne.y) {',
            `if (row >= params.dst.ne.y || (params.node == ${order}u && at.y == ${token}u)) {`,
          ],
        ],
        first: write,
        note: `token ${token}`,
      };
    },
  },
  {
    ...{ name: 'gate-up-kernel', row: 0, title: 'gate and up swapped', file: 'ops/glu.wgsl' },
    models: ['tiny', 'gemma-dense', 'made-gemma2'],
    draw: (site) => ({
      replace: [
        [
          'var gate_bits = src0_bits(address(params.src0, at));\n  var other = src1_bits(address(params.src1, at));',
          'var gate_bits = src1_bits(address(params.src1, at));\n  var other = src0_bits(address(params.src0, at));',
        ],
      ],
      first: firstOf(site, (n) => n.op === 'GLU'),
      note: '',
    }),
  },
  {
    ...{ name: 'f16-store-kernel', row: 19, title: 'results stored in f16 overflow', file: 'ops/glu.wgsl' },
    models: ['made-loud'],
    draw: (site) => ({
      replace: [
        ['//! require lib/activations.wgsl', '//! require lib/activations.wgsl\n//! require lib/f16.wgsl'],
        [
          'store_bits(to, multiply_bits(activated, other));',
          'store_bits(to, bitcast<u32>(f16_to_f32(f32_bits_to_f16(multiply_bits(activated, other)))));',
        ],
      ],
      first: firstOf(site, (n) => n.op === 'GLU'),
      note: 'beyond 65504',
    }),
  },
  {
    ...{ name: 'scale-bias-kernel', row: 44, title: "a scalar is another node's", file: 'ops/scale.wgsl' },
    models: ['made-gemma2', 'gemma2-dense'],
    draw: (site) => {
      const factor = site.random.pick(['0.02', '50.0', '0.125']);
      return {
        replace: [
          [
            'bitcast<f32>(x) * params.scale + params.bias',
            `bitcast<f32>(x) * (${factor} + 0.0 * params.scale) + params.bias`,
          ],
        ],
        first: firstOf(site, (n) => n.kind === 'SCALE'),
        note: `always ${factor}`,
      };
    },
  },
];

export const KERNEL_PLANTS: readonly KernelPlant[] = [...DECODERS.map(decoder), ...OPS.map(simple)];
