/** Writes the first bad node of a run as a folder that anybody can replay: inputs, weights, right and wrong results. */
import fs from 'node:fs';
import path from 'node:path';
import { defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { plainJson } from '../../shared/base/plain-json';
import { MARGIN } from '../../shared/compare/tolerance';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { BadNode, Verdict } from '../../shared/divergence/verdict';
import type { Graph, GraphTensor } from '../../shared/graph/graph';
import { isComputing, isLeftFromBefore, memoryOwner, stateName, tensorOf } from '../../shared/graph/graph';
import { namedParams } from '../../shared/ops/named-params';
import { spanBytes } from '../../shared/ops/tensor-shape';
import { DTYPE_BYTES } from '../../shared/trace/safetensors';
import type { TraceDtype } from '../../shared/trace/trace';
import { copyOverlay } from '../lanes/shader-files';
import { TraceWriter } from '../traces/trace-writer';
import type { FirstBad } from './first-bad';
import type { ReproDocument, ReproFile, ReproHypothesis, ReproNode, ReproSource, ReproTensor } from './repro-document';
import { PREFIX, REPRO_FILES, REPRO_SCHEMA } from './repro-document';
import { reproReadme } from './repro-readme';
import type { Replaceable } from './repro-folder';
import { writeFolder } from './repro-folder';
import type { ReproPart } from './repro-part';
import { partOf } from './repro-part';
import { writeWeights } from './repro-weights';
import { sha256Of } from './sha256';

/** The right results of arithmetic that is exact are what a repro expects. */
const EXPECTED = 'exact';

/**
 * Writes the folder as a whole or not at all.
 * @throws QuarrelError where the folder exists and holds something, or cannot be written
 */
export function writeRepro(target: string, first: FirstBad, verdict: Verdict, isReplaceable?: Replaceable): void {
  const bad = defined(verdict.firstBad ?? undefined, 'the bad node of a repro');
  const part = partOf(first.request);
  writeFolder(
    target,
    (folder) => {
      const files: Record<string, ReproFile> = {};
      writeTensors(path.join(folder, REPRO_FILES.tensors), first, part);
      files[REPRO_FILES.tensors] = fileOf(
        folder,
        REPRO_FILES.tensors,
        'inputs, states, right and wrong results; graph',
      );
      if (writeReadWeights(path.join(folder, REPRO_FILES.weights), first, part, verdict)) {
        files[REPRO_FILES.weights] = fileOf(folder, REPRO_FILES.weights, 'the weights that the part reads');
      }
      const lane = parseLane(verdict.candidate);
      if (lane.kind === 'webgpu' && lane.overlay !== undefined) {
        copyOverlay(lane.overlay, path.join(folder, REPRO_FILES.shaders));
      }
      const document = documentOf(first, part, verdict, bad, files);
      fs.writeFileSync(path.join(folder, REPRO_FILES.document), `${plainJson(document)}\n`);
      fs.writeFileSync(path.join(folder, REPRO_FILES.readme), reproReadme(document));
    },
    isReplaceable,
  );
}

function writeTensors(out: string, { request, replay }: FirstBad, part: ReproPart): void {
  const { graph, captured, candidate, states } = request;
  const { end } = replay;
  const stateOf = (t: GraphTensor): Uint8Array | undefined =>
    states?.contents(stateName(t), request.arithmetics.indexOf(EXPECTED));
  const writer = TraceWriter.create(out);
  try {
    for (const leaf of part.inputs) {
      const entry = defined(captured.entries.get(leaf.key), `the input ${leaf.key}`);
      const carried = isLeftFromBefore(leaf) ? stateOf(leaf) : undefined;
      const bytes = carried?.subarray(0, spanBytes(leaf)) ?? captured.readRaw(leaf.key);
      writer.write(PREFIX.input + leaf.key, entry.dtype as TraceDtype, leaf.ne, bytes);
    }
    for (const node of part.givenNodes) writeGiven(writer, node, request);
    for (const state of part.states) {
      const bytes = stateOf(state);
      if (bytes) writer.write(PREFIX.state + state.key, dtypeOf(state), state.ne, bytes.subarray(0, spanBytes(state)));
    }
    for (const node of part.nodes) {
      const right = isComputing(graph, node) ? replay.site(node, EXPECTED)?.right : undefined;
      if (right) writer.write(PREFIX.expected + node.key, 'F32', node.ne, right);
    }
    writer.write(PREFIX.wrong + end.key, 'F32', end.ne, replay.wrong);
    const mask = candidate.mask(end.key);
    if (mask) writer.write(PREFIX.mask + end.key, 'I32', end.ne, new Uint8Array(Int32Array.from(mask).buffer));
    const { engine } = candidate.results;
    const past = captured.manifest?.past ?? 0;
    writer.finish({ engine, model: request.weights.label, tokens: captured.tokens, past, graph });
  } finally {
    writer.abort();
  }
}

function writeGiven(writer: TraceWriter, node: GraphTensor, { candidate, captured }: FirstBad['request']): void {
  const from = candidate.seed.entries.has(node.key) ? candidate.seed : captured;
  const dtype = from.entries.get(node.key)?.dtype;
  if (dtype === undefined) throw new QuarrelError(`${from.label}: no value of ${node.key}, which the bad node reads`);
  const isIndex = dtype === 'I32' || dtype === 'I64';
  if (isIndex) writer.write(PREFIX.input + node.key, dtype, node.ne, from.readRaw(node.key));
  else writer.write(PREFIX.input + node.key, 'F32', node.ne, from.readF32(node.key));
}

function dtypeOf(state: GraphTensor): TraceDtype {
  if (Object.hasOwn(DTYPE_BYTES, state.type)) return state.type as TraceDtype;
  throw new QuarrelError(
    `the state ${state.name} is ${state.type}: a repro holds states of ${Object.keys(DTYPE_BYTES).join(', ')}`,
  );
}

/** @returns whether there are any */
function writeReadWeights(out: string, { request, weights }: FirstBad, part: ReproPart, verdict: Verdict): boolean {
  const names = new Set([...part.weights.map((t) => t.name), ...weights.reads]);
  const tensors = [...names].map((name) => defined(request.weights.tensor(name), `the weight ${name}`));
  if (tensors.length > 0) writeWeights(out, path.basename(verdict.model), tensors);
  return tensors.length > 0;
}

function documentOf(
  { step, request, replay, found, weights }: FirstBad,
  part: ReproPart,
  verdict: Verdict,
  bad: BadNode,
  files: Readonly<Record<string, ReproFile>>,
): ReproDocument {
  const lane = parseLane(verdict.candidate);
  const { proved } = found;
  return {
    schema: REPRO_SCHEMA,
    model: path.basename(verdict.model),
    tokens: verdict.tokens,
    step,
    reference: verdict.reference,
    candidate: verdict.candidate,
    node: replay.end.key,
    nodes: part.nodes.map((t) => describe(request.graph, t)),
    inputs: inputsOf(part),
    dtype: request.candidate.dtype(replay.end.key),
    arithmetics: request.arithmetics,
    noiseFloor: bad.noiseFloor,
    margin: MARGIN.node,
    bad,
    replay: {
      kernels: lane.kind === 'webgpu' || lane.kind === 'reference' ? lane.kind : null,
      hypothesis: proved
        ? {
            id: proved.trial.hypothesis.id,
            attempt: proved.attempt,
            value: proved.value ?? null,
            arithmetic: proved.trial.arithmetic,
            looksAt: weights.looksAt.map((name) => shapeOf(request, name)),
          }
        : null,
    },
    files,
  };
}

function describe(graph: Graph, t: GraphTensor): ReproNode {
  return {
    key: t.key,
    op: t.kind,
    params: namedParams(t.kind, t.opParams),
    opParams: t.opParams,
    type: t.type,
    ne: t.ne,
    sources: t.src.map((id) => (id === undefined ? null : sourceOf(graph, tensorOf(graph, id)))),
  };
}

function shapeOf({ weights }: FirstBad['request'], name: string): ReproHypothesis['looksAt'][number] {
  const { type, ne } = defined(weights.tensor(name), `the weight ${name}`);
  return { name, type, ne };
}

function sourceOf(graph: Graph, t: GraphTensor): ReproSource {
  const { key, type, ne, nb, viewOffs } = t;
  return { key, memory: memoryOwner(graph, t).key, type, ne, nb, offset: viewOffs };
}

function inputsOf({ inputs, givenNodes, states, weights }: ReproPart): readonly ReproTensor[] {
  const { tensors: file, weights: gguf } = REPRO_FILES;
  const kept = ({ type, ne }: GraphTensor, key: string, where: string): ReproTensor => ({ key, file: where, type, ne });
  return [
    ...[...inputs, ...givenNodes].map((t) => kept(t, PREFIX.input + t.key, file)),
    ...states.map((t) => kept(t, PREFIX.state + t.key, file)),
    ...weights.map((t) => kept(t, t.name, gguf)),
  ];
}

function fileOf(folder: string, name: string, holds: string): ReproFile {
  const file = path.join(folder, name);
  return { holds, bytes: fs.statSync(file).size, sha256: sha256Of(file) };
}
