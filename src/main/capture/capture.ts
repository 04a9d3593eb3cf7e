import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { Device } from '../../shared/divergence/lane-spec';
import type { LlamaOptions } from '../../shared/divergence/llama-options';
import type { Graph } from '../../shared/graph/graph';
import { requireLocal } from '../files/local-path';
import { folderBeside } from '../files/temporary';
import { moveInto } from '../files/write-atomic';
import { TraceFile } from '../traces/trace-file';
import { CaptureChild } from './child-runner';
import type { LayerRange } from './layer-range';
import { locateLibrary } from './library-files';
import type { CaptureAnswer, TokenLogit } from './protocol';

export type { LayerRange, TokenLogit };

export interface CaptureRequest {
  readonly modelPath: string;
  /** Exactly one of `prompt`, tokenized as llama.cpp does it, and `tokens`. */
  readonly prompt?: string;
  readonly tokens?: readonly number[];
  /** The trace file to write. */
  readonly out: string;
  /** CPU threads; by default one per physical core but one. Results do not depend on it. */
  readonly threads?: number;
  /** Folder of another llama.cpp build; by default the published library. */
  readonly libraryDir?: string;
  /** By default `cpu`. */
  readonly device?: Device;
  readonly options?: LlamaOptions;
  /** Stores only these layers and what they read, and stops the evaluation after them. */
  readonly layers?: LayerRange;
}

/** One evaluation, hence one graph. */
export interface CaptureResult extends CaptureAnswer {
  readonly tracePath: string;
  readonly graph: Graph;
}

/**
 * Runs a model on llama.cpp in a child process and writes the graph, its inputs and every node's result to `out`.
 * Throws QuarrelError with one clear line (llama.cpp's last log lines as `detail`), CancelledError when cancelled; no
 * file is left behind then.
 */
export async function captureTrace(request: CaptureRequest, control: JobControl): Promise<CaptureResult> {
  const run = await openCaptureRun({ ...request, moreTokens: 0 }, control);
  try {
    return run.first;
  } finally {
    run.dispose();
  }
}

/** A prompt captured, its state kept in the child for steps to follow. The owner disposes it. */
export interface CaptureRun {
  readonly first: CaptureResult;
  /** Evaluates `tokens` after all before, as a graph of its own, into the trace file `out`. Throws as captureTrace. */
  step(tokens: readonly number[], out: string): Promise<CaptureResult>;
  dispose(): void;
}

/** @param request.moreTokens tokens of all steps that may follow: what the KV cache has room for */
export async function openCaptureRun(
  request: CaptureRequest & { readonly moreTokens: number },
  control: JobControl,
): Promise<CaptureRun> {
  checkModelFile(request.modelPath);
  if ((request.prompt === undefined) === (request.tokens === undefined)) {
    throw new QuarrelError('give either a prompt or tokens to run');
  }
  const { modelPath, out, prompt, tokens, layers, libraryDir, moreTokens, options } = request;
  const library = locateLibrary(libraryDir);
  const order = {
    kind: 'capture' as const,
    library,
    modelPath,
    moreTokens,
    threads: request.threads ?? Math.max(1, physicalCores() - 1),
    device: request.device ?? 'cpu',
    ...(prompt === undefined ? {} : { prompt }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(layers === undefined ? {} : { layers }),
    ...(options === undefined ? {} : { options }),
  };
  let child: CaptureChild | undefined;
  const ask = (target: string, orderAt: (unfinished: string) => void): Promise<CaptureResult> =>
    intoPlace(target, async (unfinished) => {
      orderAt(unfinished);
      const message = await (child as CaptureChild).answer();
      assert(message.kind === 'captured', `the capture child answered ${message.kind}`);
      return message.answer;
    });
  try {
    const first = await ask(out, (unfinished) => {
      child = CaptureChild.start({ ...order, out: unfinished }, control);
    });
    return {
      first,
      step: (next, target) => ask(target, (unfinished) => child?.order({ tokens: next, out: unfinished })),
      dispose: () => child?.dispose(),
    };
  } catch (e) {
    child?.dispose();
    throw e;
  }
}

/** The child may be killed at any time, so it writes into a folder of its own that is removed in any case. */
async function intoPlace(out: string, capture: (unfinished: string) => Promise<CaptureAnswer>): Promise<CaptureResult> {
  const folder = folderBeside(out);
  try {
    const unfinished = path.join(folder.path, 'trace');
    const answer = await capture(unfinished);
    const graph = graphOf(unfinished);
    moveInto(unfinished, out);
    return { ...answer, tracePath: out, graph };
  } finally {
    folder.remove();
  }
}

/** Throws QuarrelError when there is no such file. */
export function checkModelFile(path: string): void {
  requireLocal(path);
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new QuarrelError(`no model file ${path}`);
  if (!stat.isFile()) throw new QuarrelError(`${path} is no file; a GGUF model file is expected`);
}

function graphOf(tracePath: string): Graph {
  const trace = TraceFile.open(tracePath);
  try {
    const graph = trace.manifest?.graph;
    assert(graph, `the captured trace ${tracePath} has no graph`);
    return graph;
  } finally {
    trace.dispose();
  }
}

/**
 * ggml's threads spin at a barrier after every node, so a thread that is preempted stalls all: hyper-threads add
 * nothing, and a core is left for everybody else (2 threads on 2 busy cores were six times slower than one).
 */
function physicalCores(): number {
  const logical = os.availableParallelism();
  if (process.platform !== 'linux') return logical;
  const cores = new Set<string>();
  for (let cpu = 0; cpu < os.cpus().length; cpu++) {
    const topology = `/sys/devices/system/cpu/cpu${cpu}/topology`;
    const ids = ['physical_package_id', 'core_id'].map((name) => path.join(topology, name));
    if (!ids.every((file) => fs.existsSync(file))) return logical; // some containers hide the topology
    cores.add(ids.map((file) => fs.readFileSync(file, 'utf8').trim()).join());
  }
  return Math.min(logical, cores.size);
}
