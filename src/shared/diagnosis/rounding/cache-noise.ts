/** Keys and values as a cache holds them. */
import { defined } from '../../base/assert';
import { memoryOwner } from '../../graph/graph';
import type { GgmlTypeName } from '../../quant/ggml-type';
import type { Replayed } from '../replay';
import type { Site } from '../site';
import { sourceTensor } from '../site';
import type { DeclaredCaches } from './declared-caches';
import type { BlockCodes, Grid } from './grids';
import { blockGrid, endCodes, floatGrid, rangeCodes, symmetricCodes, TABLE_CODES } from './grids';
import { rotatedGrid, widestRotation } from './hadamard';
import type { NoiseSource } from './noise-source';
import { everywhere, inputsOf, rounded, withSources } from './noise-source';

/** Elements of a block in a quantized cache. */
const CACHE_BLOCK = 32;
/** Channels from which llama.cpp rotates a head before it quantizes it, and of each rotation of its values. */
const LEAST_ROTATION = 64;

/** ggml's types for quantized caches. */
const CODES: Partial<Readonly<Record<GgmlTypeName, BlockCodes>>> = {
  Q8_0: symmetricCodes(8),
  Q5_1: rangeCodes(5),
  Q5_0: endCodes(5),
  Q4_1: rangeCodes(4),
  Q4_0: endCodes(4),
  IQ4_NL: TABLE_CODES,
};

/** Where the blocks of a cache lie in a view of it. */
export interface CacheBlocks {
  /** Dimension along which they lie. */
  readonly axis: 0 | 1;
  /** Channels of the cache's row before the view's first. */
  readonly offset: number;
  /** Channels of a head. */
  readonly channels: number;
  /** Whether they are values, not keys. */
  readonly areValues: boolean;
}

/** Roundings of keys and values, from precise to coarse. */
export interface CacheRoundings {
  /** To the types that the engine says it has. */
  readonly said: readonly NoiseSource[];
  /** To those that others use, with the scales of blocks in either type. */
  readonly others: readonly NoiseSource[];
}

/** None where no cache is read. */
export function cacheRoundings(replay: Replayed, declared: DeclaredCaches): CacheRoundings {
  const heads = cachedHeads(replay);
  if (heads.length === 0) return { said: [], others: [] };
  const rotations = rotationsOf(heads);
  const { keys, values } = declared;
  const inHead = (codes: BlockCodes, scale: 'F16' | 'F32' = 'F16'): GridOf => {
    return ({ axis, offset }) => blockGrid(codes, { length: CACHE_BLOCK, axis, scale, begun: offset % CACHE_BLOCK });
  };
  const acrossTokens = (codes: BlockCodes, scale: 'F16' | 'F32' = 'F16'): GridOf => {
    return ({ axis }) => blockGrid(codes, { length: CACHE_BLOCK, axis, scale });
  };
  const turned = (gridOf: GridOf): readonly GridOf[] =>
    rotations.map((sizeOf) => (blocks) => {
      const grid = gridOf(blocks);
      return grid && rotatedGrid(grid, sizeOf(blocks), blocks.axis);
    });
  const own: GridOf = (blocks) => {
    const type = blocks.areValues ? values : keys;
    if (type === 'BF16') return floatGrid('BF16');
    const codes = type && CODES[type];
    return codes && inHead(codes)(blocks);
  };
  const [int8, int4] = [symmetricCodes(8), symmetricCodes(4)];
  const along = (gridOf: GridOf): NoiseSource => cacheRounding(gridOf, 'channels');
  const across = (gridOf: GridOf): NoiseSource => cacheRounding(gridOf, 'tokens');
  return {
    said: isCoarse(declared) ? [own, ...turned(own)].map(along) : [],
    others: [
      along(() => floatGrid('BF16')),
      ...(['F32', 'F16'] as const).map((scale) => along(inHead(int8, scale))),
      ...(['F32', 'F16'] as const).map((scale) => across(acrossTokens(int8, scale))),
      ...turned(inHead(int8)).map(along),
      ...[inHead(int4), inHead(endCodes(4)), ...turned(inHead(endCodes(4)))].map(along),
      across(acrossTokens(int4)),
    ],
  };
}

/** Whether the engine says to hold its caches in less than 16 bits, or in BF16. */
function isCoarse({ keys, values }: DeclaredCaches): boolean {
  return [keys, values].some((type) => type !== undefined && (type === 'BF16' || CODES[type] !== undefined));
}

/** How a view of a cache is rounded; undefined where it is not. */
type GridOf = (blocks: CacheBlocks) => Grid | undefined;

/** Channels of one rotation: llama.cpp's, which turns values 64 at a time; and whole heads, where that is another. */
function rotationsOf(heads: readonly number[]): readonly ((blocks: CacheBlocks) => number)[] {
  const widest = Math.max(...heads.map(widestRotation));
  const whole = ({ channels }: CacheBlocks): number => widestRotation(channels);
  const llama = (blocks: CacheBlocks): number =>
    blocks.areValues ? Math.min(LEAST_ROTATION, whole(blocks)) : whole(blocks);
  if (widest < LEAST_ROTATION) return [];
  return widest > LEAST_ROTATION ? [llama, whole] : [llama];
}

/** Channels of the heads that are read from caches. */
function cachedHeads(replay: Replayed): readonly number[] {
  return replay.nodes.flatMap((node) => {
    const site = replay.site(node, 'exact');
    if (!site) return [];
    return node.src.flatMap((_, index) => (isCached(site, index) ? [blocksOf(site, index, 'channels').channels] : []));
  });
}

/**
 * In blocks along a head's channels (a token has its own scales) or along the tokens. Values lie transposed where they
 * are read.
 */
export function cacheRounding(gridOf: GridOf, along: 'channels' | 'tokens'): NoiseSource {
  const shown = [false, true].flatMap(
    (areValues) => gridOf({ axis: 0, offset: 0, channels: LEAST_ROTATION, areValues }) ?? [],
  );
  const coarsest = (['Q4', 'Q8'] as const).map((to) => shown.find(({ precision }) => precision === to));
  const named = defined(
    [...coarsest, shown[0]].find((grid) => grid !== undefined),
    'a rounding of keys or values',
  );
  return everywhere('cache', named, (site, random) =>
    withSources(
      site,
      inputsOf(site, (values, ne, index) => {
        const grid = isCached(site, index) ? gridOf(blocksOf(site, index, along)) : undefined;
        return grid && rounded(grid, values, ne, random);
      }),
    ),
  );
}

function isCached(site: Site, index: number): boolean {
  const t = sourceTensor(site, index);
  return t !== undefined && memoryOwner(site.graph, t).role === 'state';
}

function blocksOf(site: Site, index: number, along: 'channels' | 'tokens'): CacheBlocks {
  const inHead = channelAxis(site, index);
  const axis = along === 'channels' ? inHead : inHead === 0 ? 1 : 0;
  return {
    axis,
    offset: channelOffset(site, index),
    channels: sourceTensor(site, index)?.ne[inHead] ?? 0,
    areValues: areWeighed(site) || isFusedValues(site, index),
  };
}

/**
 * The dimension of a cached source along which a head's channels lie, as an engine's blocks do: the one that is
 * contiguous, but for values where probabilities weigh them, which have the tokens there.
 */
function channelAxis(site: Site, index: number): 0 | 1 {
  const t = sourceTensor(site, index);
  if (!t || areWeighed(site)) return t ? 1 : 0;
  return t.nb[0] <= t.nb[1] ? 0 : 1;
}

function areWeighed(site: Site): boolean {
  const weights = site.node.kind === 'MUL_MAT' ? sourceTensor(site, 1) : undefined;
  return weights !== undefined && memoryOwner(site.graph, weights).kind === 'SOFT_MAX';
}

/** Fused attention reads queries, keys, values. */
function isFusedValues(site: Site, index: number): boolean {
  return site.node.kind === 'FLASH_ATTN_EXT' && index === 2;
}

/** Channels of the cache's row that lie before the view: the compressed keys of an MLA cache, of which values are a part. */
function channelOffset(site: Site, index: number): number {
  const t = sourceTensor(site, index);
  if (!t || areWeighed(site)) return 0;
  return Math.floor(t.viewOffs / Math.min(t.nb[0], t.nb[1]));
}
