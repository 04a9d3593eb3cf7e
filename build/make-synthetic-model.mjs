/**
 * Writes a GGUF of the shape of Llama 2 7B with random weights, 4 GB at the defaults, to measure opening, memory and
 * long tensors without a download:
 *
 *     node build/make-synthetic-model.mjs FILE.gguf [--layers 32] [--seed 1]
 *
 * Types as in Q4_K_M, scales so small that a run stays finite, no vocabulary (`tokenizer.ggml.model` = none), so that
 * llama.cpp loads it and takes token ids. Blocks repeat a pattern, shifted from tensor to tensor; memory stays flat.
 */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { projectRoot } from './project-root.mjs';

const SHAPE = { width: 4096, feedForward: 11_008, heads: 32, vocabulary: 32_000, context: 4096 };

/** Blocks in a pattern: prime, so that no row length is a multiple of it and rows differ. */
const PATTERN_BLOCKS = 4099;

/** The module of `src/shared`, compiled on the way. */
async function shared(path) {
  const { module } = await runnerImport(join(projectRoot, 'src/shared', path), {
    configFile: false,
    logLevel: 'error',
  });
  return module;
}

function readArguments() {
  const options = { layers: { type: 'string', default: '32' }, seed: { type: 'string', default: '1' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const layers = Number(values.layers);
  const seed = Number(values.seed);
  if (positionals.length !== 1 || !Number.isInteger(layers) || layers < 1 || !Number.isInteger(seed)) {
    throw new Error('usage: node build/make-synthetic-model.mjs FILE.gguf [--layers 32] [--seed 1]');
  }
  return { path: resolve(positionals[0]), layers, seed };
}

function metadata(layers) {
  const u32 = (key, value) => ({ key, type: 'u32', value });
  const { width, feedForward, heads, vocabulary, context } = SHAPE;
  return [
    { key: 'general.architecture', type: 'str', value: 'llama' },
    { key: 'general.name', type: 'str', value: `Synthetic ${layers} layers, random weights` },
    u32('general.file_type', 15), // LLAMA_FTYPE_MOSTLY_Q4_K_M
    u32('general.quantization_version', 2),
    u32('llama.vocab_size', vocabulary),
    u32('llama.context_length', context),
    u32('llama.embedding_length', width),
    u32('llama.block_count', layers),
    u32('llama.feed_forward_length', feedForward),
    u32('llama.rope.dimension_count', width / heads),
    u32('llama.attention.head_count', heads),
    u32('llama.attention.head_count_kv', heads),
    { key: 'llama.attention.layer_norm_rms_epsilon', type: 'f32', value: 1e-5 },
    { key: 'tokenizer.ggml.model', type: 'str', value: 'none' },
  ];
}

/** Layers whose attn_v and ffn_down are Q6_K in Q4_K_M. Source: `use_more_bits` in llama-quant.cpp. */
function usesMoreBits(layer, layers) {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

function tensors(layers) {
  const { width, feedForward, vocabulary } = SHAPE;
  const norm = (name) => ({ name, type: 'F32', ne: [width] });
  const matrix = (name, type, columns, rows) => ({ name, type, ne: [columns, rows] });
  const all = [matrix('token_embd.weight', 'Q4_K', width, vocabulary)];
  for (let layer = 0; layer < layers; layer++) {
    const more = usesMoreBits(layer, layers) ? 'Q6_K' : 'Q4_K';
    const name = (part) => `blk.${layer}.${part}.weight`;
    all.push(
      norm(name('attn_norm')),
      matrix(name('attn_q'), 'Q4_K', width, width),
      matrix(name('attn_k'), 'Q4_K', width, width),
      matrix(name('attn_v'), more, width, width),
      matrix(name('attn_output'), 'Q4_K', width, width),
      norm(name('ffn_norm')),
      matrix(name('ffn_gate'), 'Q4_K', width, feedForward),
      matrix(name('ffn_up'), 'Q4_K', width, feedForward),
      matrix(name('ffn_down'), more, feedForward, width),
    );
  }
  all.push(norm('output_norm.weight'), matrix('output.weight', 'Q6_K', width, vocabulary));
  return all;
}

/** A stream of random 32-bit words (mulberry32). */
function randomStream(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

function randomPattern(blockBytes, random) {
  const bytes = new Uint8Array(PATTERN_BLOCKS * blockBytes);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random();
  return bytes;
}

/**
 * Blocks whose values have mean 0 and a deviation near 1/√4096, so that a row's dot product keeps the size of its input.
 * Q4_K: min = 7.5 × scale centres codes 0…15; scales and mins are equal in pairs, so the packed bytes 0…3 and 4…7 are
 * too. Q6_K is centred by its format; its d is a subnormal f16, as in real models.
 */
function makePatterns(seed, f32ToF16) {
  const random = randomStream(seed);
  const q4k = randomPattern(144, random);
  const q6k = randomPattern(210, random);
  const f32 = new Float32Array(PATTERN_BLOCKS).map(() => 0.75 + (random() % 512) / 1024);
  for (let block = 0; block < PATTERN_BLOCKS; block++) {
    const d = 1e-4 * (0.5 + random() / 2 ** 32);
    const q4 = new DataView(q4k.buffer, block * 144, 144);
    q4.setUint16(0, f32ToF16(d), true);
    q4.setUint16(2, f32ToF16(7.5 * d), true);
    for (let i = 0; i < 4; i++) {
      q4.setUint8(8 + i, q4.getUint8(4 + i));
      q4.setUint8(12 + i, (q4.getUint8(12 + i) & 15) * 17);
    }
    new DataView(q6k.buffer, block * 210, 210).setUint16(208, f32ToF16(d / 8), true);
  }
  return { Q4_K: q4k, Q6_K: q6k, F32: new Uint8Array(f32.buffer) };
}

/** Writes `byteLength` bytes of the repeated pattern, begun at block `firstBlock` of it. */
function writePattern(fd, position, byteLength, pattern, firstBlock) {
  let from = (firstBlock % PATTERN_BLOCKS) * (pattern.length / PATTERN_BLOCKS);
  for (let done = 0; done < byteLength;) {
    const length = Math.min(byteLength - done, pattern.length - from);
    done += writeSync(fd, pattern, from, length, position + done);
    from = 0;
  }
}

async function main() {
  const { path, layers, seed } = readArguments();
  const [{ layoutGguf }, { f32ToF16 }] = await Promise.all([shared('gguf/write.ts'), shared('base/float-bits.ts')]);
  const specs = tensors(layers);
  const layout = layoutGguf({ metadata: metadata(layers), tensors: specs });
  const patterns = makePatterns(seed, f32ToF16);
  const partial = `${path}.part`;
  const fd = openSync(partial, 'w');
  try {
    writeSync(fd, layout.header, 0, layout.header.length, 0);
    layout.tensors.forEach(({ offset, byteLength }, i) => {
      writePattern(fd, offset, byteLength, patterns[specs[i].type], 577 * i);
    });
    closeSync(fd);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  process.stdout.write(`${path}: ${specs.length} tensors, ${layout.fileSize} bytes\n`);
}

await main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
});
