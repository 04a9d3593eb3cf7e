import { setTimeout as wait } from 'node:timers/promises';
import type { JobControl } from '../../shared/base/progress';
import { RowDecoder } from '../../shared/gguf/decode-rows';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { rowBytes, supportedFormat } from '../../shared/quant/registry';
import { temporaryFolder } from '../files/temporary';
import { DecodeMemory } from '../dequant/decode-memory';
import type { DecodeSlot } from '../dequant/decode-memory';
import { instantiate } from '../dequant/decoder-module';
import { WasmDecoder } from '../dequant/wasm-decoder';
import { alternate, median, speedRatio } from './alternate';
import type { Contender, RoundTimes } from './alternate';
import { BenchFile, ROW_ELEMENTS } from './bench-file';
import { BenchThreads } from './bench-threads';
import { addressOf, bindCDecoder } from './c-decoder';
import type { CDecoder } from './c-decoder';
import { watchOthers } from './other-load';
import { sampleBlocks } from './sample-blocks';

export interface DequantBenchOptions {
  readonly types: readonly GgmlTypeName[];
  readonly threads: number;
  readonly rounds: number;
  /** Bytes of f32 that one streaming pass writes; rounded up to whole rows for each thread. */
  readonly streamBytes: number;
}

/** One format, in cache or streaming. Rates are GB (10⁹ bytes) of f32 per second, ratios medians over the rounds. */
export interface DequantRates {
  readonly c: number;
  readonly wasm: number;
  readonly scalar: number;
  /** WASM on one thread against the C function on one thread. */
  readonly wasmToC: number;
  readonly scalarToC: number;
  /** WASM on all threads. */
  readonly threads: number;
  /** All threads against one. */
  readonly threadsToOne: number;
}

export interface DequantRow {
  readonly type: GgmlTypeName;
  readonly cache: DequantRates;
  readonly stream: DequantRates;
  /** Share of the machine, 0 … 1, that others took meanwhile: see other-load.ts. */
  readonly others: number;
}

/** Values per call in cache: 256 KiB of them, with their blocks in the second-level cache of any machine of today. */
const CACHE_ELEMENTS = 1 << 16;
/** A round in cache lasts about so long: a thousand times what the clock or a message between threads costs. */
const CACHE_ROUND_SECONDS = 0.01;

type Lane = 'c' | 'wasm' | 'scalar';
type Team = 'one' | 'all';

/** What a format is measured with: one memory, so that all lanes write to the same pages. */
interface Setting {
  readonly options: DequantBenchOptions;
  readonly memory: DecodeMemory;
  readonly threads: BenchThreads;
  /** A tile for a whole streaming pass. */
  readonly slot: DecodeSlot;
  /** A slot for each thread; only the windows serve, and the tiles in cache. */
  readonly own: readonly DecodeSlot[];
  readonly checkpoint: () => void;
}

/**
 * Times the decoders of each type against the library's C function, which runs on one thread.
 * Throws QuarrelError (no library, no C function for a type, no room for the files) and CancelledError.
 */
export async function benchDequant(options: DequantBenchOptions, control: JobControl): Promise<DequantRow[]> {
  const folder = temporaryFolder();
  const memory = new DecodeMemory();
  const slot = memory.lease(streamRows(options) * ROW_ELEMENTS);
  const own = Array.from({ length: options.threads }, () => memory.lease(CACHE_ELEMENTS));
  const threads = new BenchThreads(options.threads, memory.handle());
  const setting = { options, memory, threads, slot, own, checkpoint: () => control.throwIfCancelled() };
  const rows: DequantRow[] = [];
  try {
    for (const [done, type] of options.types.entries()) {
      control.progress({ stage: 'bench dequant', done, total: options.types.length, detail: type });
      const c = bindCDecoder(type);
      const others = watchOthers();
      const cache = await inCache(setting, type, c);
      const stream = await streaming(setting, type, c, folder.path);
      rows.push({ type, cache, stream, others: others() });
    }
    return rows;
  } finally {
    await threads.dispose();
    folder.remove();
  }
}

/** Rows of a streaming pass: the same number for each thread. */
function streamRows({ streamBytes, threads }: DequantBenchOptions): number {
  return Math.ceil(streamBytes / 4 / ROW_ELEMENTS / threads) * threads;
}

async function inCache(setting: Setting, type: GgmlTypeName, c: CDecoder): Promise<DequantRates> {
  const { memory, own, threads, options, checkpoint } = setting;
  const { blockElements, dequantize: scalar } = supportedFormat(type);
  const blocks = CACHE_ELEMENTS / blockElements;
  const bytes = sampleBlocks(type, blocks);
  const handle = memory.handle();
  for (const { window } of own) new Uint8Array(handle.memory.buffer).set(bytes, window);
  const slot = own[0] as DecodeSlot;
  const wasm = instantiate(handle.module, handle.memory)[type];
  const values = memory.values(slot, CACHE_ELEMENTS);
  const src = addressOf(new Uint8Array(handle.memory.buffer, slot.window, bytes.length));
  const dst = addressOf(values);

  const lanes = {
    c: await repeated('c', () => c(src, dst, CACHE_ELEMENTS)),
    wasm: await repeated('wasm', () => wasm(slot.window, blocks, slot.tile)),
    scalar: await repeated('scalar', () => scalar(bytes, 0, blocks, values, 0)),
  };
  const laneTimes = await alternate<Lane>(Object.values(lanes), options.rounds, checkpoint);
  const calls = lanes.wasm.passes;
  const team = (name: Team, count: number): Contender<Team> => {
    const tasks = own.slice(0, count).map((each) => ({ kind: 'cache', type, blocks, calls, slot: each }) as const);
    return { name, passes: calls * count, run: () => threads.run(tasks) };
  };
  const teamTimes = await alternate<Team>([team('one', 1), team('all', threads.count)], options.rounds, checkpoint);
  return rates(laneTimes, teamTimes, CACHE_ELEMENTS);
}

/** Calls `decode` so often that a round takes a measurable time, and until the runtime has compiled it. */
async function repeated<Name extends string>(name: Name, decode: () => void): Promise<Contender<Name>> {
  let seconds = Infinity;
  for (let trial = 0; trial < 5; trial++) {
    const calls = Math.max(1, Math.ceil(CACHE_ROUND_SECONDS / 5 / Math.min(seconds, CACHE_ROUND_SECONDS)));
    const start = performance.now();
    for (let call = 0; call < calls; call++) decode();
    seconds = (performance.now() - start) / 1000 / calls;
    await wait(5); // the optimizing compiler works on threads of its own
  }
  const passes = Math.max(1, Math.round(CACHE_ROUND_SECONDS / seconds));
  const run = (): void => {
    for (let call = 0; call < passes; call++) decode();
  };
  return { name, passes, run };
}

async function streaming(setting: Setting, type: GgmlTypeName, c: CDecoder, folder: string): Promise<DequantRates> {
  const { memory, own, slot, threads, options, checkpoint } = setting;
  const rows = streamRows(options);
  const elements = rows * ROW_ELEMENTS;
  const file = BenchFile.create(folder, type, rows);
  try {
    const { mapped, tensor } = file;
    const values = memory.values(slot, elements);
    const decoder = new WasmDecoder(memory.handle());
    const scalar = new RowDecoder();
    const lanes: readonly Contender<Lane>[] = [
      { name: 'c', passes: 1, run: () => streamC(c, mapped.handle().address, addressOf(values), type, rows) },
      { name: 'wasm', passes: 1, run: () => decoder.decodeTile(tensor, 0, rows, slot) },
      { name: 'scalar', passes: 1, run: () => scalar.decode(tensor, 0, rows, values) },
    ];
    const laneTimes = await alternate(lanes, options.rounds, checkpoint);
    const team = (name: Team, count: number): Contender<Team> => {
      const share = rows / count;
      const tasks = own.slice(0, count).map(({ window }, i) => {
        const part = { window, tile: slot.tile + i * share * ROW_ELEMENTS * 4, tileElements: share * ROW_ELEMENTS };
        return { kind: 'stream', type, file: mapped.handle(), firstRow: i * share, rows: share, slot: part } as const;
      });
      return { name, passes: 1, run: () => threads.run(tasks) };
    };
    const teamTimes = await alternate<Team>([team('one', 1), team('all', threads.count)], options.rounds, checkpoint);
    return rates(laneTimes, teamTimes, elements);
  } finally {
    file.dispose();
  }
}

/** Row by row, straight from the mapped file, as llama.cpp reads it. */
function streamC(c: CDecoder, src: bigint, dst: bigint, type: GgmlTypeName, rows: number): void {
  const srcStep = BigInt(rowBytes(type, ROW_ELEMENTS));
  const dstStep = BigInt(4 * ROW_ELEMENTS);
  for (let row = 0; row < rows; row++, src += srcStep, dst += dstStep) c(src, dst, ROW_ELEMENTS);
}

function rates(lanes: RoundTimes<Lane>, teams: RoundTimes<Team>, elements: number): DequantRates {
  const rate = (times: readonly number[]): number => (4 * elements) / median(times) / 1e9;
  return {
    c: rate(lanes.c),
    wasm: rate(lanes.wasm),
    scalar: rate(lanes.scalar),
    wasmToC: speedRatio(lanes.wasm, lanes.c),
    scalarToC: speedRatio(lanes.scalar, lanes.c),
    threads: rate(teams.all),
    threadsToOne: speedRatio(teams.all, teams.one),
  };
}
