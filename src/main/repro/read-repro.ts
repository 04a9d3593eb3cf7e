/** Opens a repro folder, on any checkout, as a part of a graph that can be run again. */
import fs from 'node:fs';
import path from 'node:path';
import { QuarrelError } from '../../shared/base/errors';
import type { ReplayRequest } from '../../shared/diagnosis/replay';
import type { WeightSource } from '../../shared/gguf/model-source';
import type { Graph, GraphTensor } from '../../shared/graph/graph';
import { stateName } from '../../shared/graph/graph';
import { StateMemories } from '../../shared/ops/state-memories';
import { shapeFault } from '../../shared/trace/check-entries';
import type { TraceEntry, TraceSource } from '../../shared/trace/trace';
import { openModel } from '../files/model-file';
import { readText } from '../files/open-regular';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import { Owned } from '../jobs/owned';
import { TraceFile } from '../traces/trace-file';
import type { ReadDocument } from './repro-document';
import { parseReproDocument, PREFIX, REPRO_FILES } from './repro-document';
import type { ReproPart } from './repro-part';
import { partOf } from './repro-part';
import { ReproWeights } from './repro-weights';
import { sha256Of } from './sha256';

/** An opened repro folder; its owner disposes it. */
export interface Repro {
  readonly folder: string;
  readonly document: ReadDocument;
  readonly request: Omit<ReplayRequest, 'engine' | 'control'> & { readonly captured: TraceSource };
  readonly part: ReproPart;
  /** The file's own weights: those that hold data. */
  readonly weights: WeightSource;
  /** Lists something to which the weights that the folder lacks look like zeros; elsewhere reading them fails. */
  looking<T>(list: () => T): T;
  /** What is right, as the folder says; all elements. */
  readonly expected: Float32Array;
  /** The kernels that were under test; undefined where there are none. */
  readonly overlay: string | undefined;
  /** Contents of states before the part ran, by key; zeros where absent. */
  readonly states: ReadonlyMap<string, Uint8Array>;
  dispose(): Promise<void>;
}

/** Throws QuarrelError: no repro, of another version, damaged. */
export async function openRepro(folder: string): Promise<Repro> {
  const owned = new Owned();
  try {
    const document = readDocument(folder);
    for (const name of Object.keys(document.files)) checkFile(folder, name, document);
    const tensors = owned.add(TraceFile.open(path.join(folder, REPRO_FILES.tensors)));
    const graph = tensors.manifest?.graph;
    if (!graph) throw new QuarrelError(`${tensors.label}: its manifest holds no graph`);
    const weights = openWeights(folder, owned);
    const all = new ReproWeights(weights, document.replay.hypothesis?.looksAt ?? []);
    const { request, states } = requestOf(document, graph, tensors, all);
    const part = partOf(request);
    requireComplete(tensors, part, weights);
    const overlay = path.join(folder, REPRO_FILES.shaders);
    return {
      folder,
      document,
      request,
      part,
      weights,
      looking: (list) => all.looking(list),
      states,
      expected: tensors.readF32(PREFIX.expected + document.node),
      overlay: fs.existsSync(overlay) ? overlay : undefined,
      dispose: () => owned.dispose(),
    };
  } catch (e) {
    await owned.dispose();
    throw e;
  }
}

function readDocument(folder: string): ReadDocument {
  const file = path.join(folder, REPRO_FILES.document);
  return parseReproDocument(readText(file, `${folder} is no repro folder: ${REPRO_FILES.document}`), file);
}

function checkFile(folder: string, name: string, { files }: ReadDocument): void {
  const told = files[name];
  if (!told) return;
  const file = path.join(folder, path.basename(name));
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new QuarrelError(`${folder}: ${name} is missing`);
  if (size !== told.bytes) throw new QuarrelError(`${file} has ${size} bytes; ${told.bytes} were exported`);
  const found = sha256Of(file);
  if (found !== told.sha256) {
    throw new QuarrelError(
      `${file} was changed: its SHA-256 is ${found.slice(0, 16)}…, exported was ${told.sha256.slice(0, 16)}…`,
    );
  }
}

function openWeights(folder: string, owned: Owned): WeightSource {
  const file = path.join(folder, REPRO_FILES.weights);
  if (!fs.existsSync(file)) return { label: folder, tensor: () => undefined };
  return WeightView.of(owned.add(openModel(file)), PLAIN_ACCESS);
}

function requestOf(
  doc: ReadDocument,
  graph: Graph,
  tensors: TraceFile,
  weights: WeightSource,
): Pick<Repro, 'request' | 'states'> {
  const byKey = new Map(graph.tensors.map((t) => [t.key, t]));
  const nodeOf = (key: string): GraphTensor => {
    const found = byKey.get(key);
    if (!found)
      throw new QuarrelError(`${tensors.label}: the graph has no node ${key}, which ${REPRO_FILES.document} names`);
    return found;
  };
  const node = nodeOf(doc.node);
  requireFit(doc, node, tensors, byKey);
  const states = contents(tensors);
  const byName = new Map([...states].map(([key, bytes]) => [stateName(nodeOf(key)), bytes]));
  const maskKey = PREFIX.mask + doc.node;
  const mask = tensors.entries.has(maskKey)
    ? Uint8Array.from(new Int32Array(tensors.readRaw(maskKey).buffer))
    : undefined;
  const request: Repro['request'] = {
    graph,
    weights,
    captured: withoutPrefix(tensors, PREFIX.input),
    candidate: {
      seed: withoutPrefix(tensors, PREFIX.input),
      results: withoutPrefix(tensors, PREFIX.wrong),
      mask: (key) => (key === doc.node ? mask : undefined),
    },
    judged: {
      node,
      stretch: doc.bad.stretch.map(nodeOf),
      writes: doc.bad.writes.map(nodeOf),
      judgement: {
        bad: true,
        localNmse: doc.bad.localNmse,
        noiseFloor: doc.noiseFloor,
        worst: doc.bad.worst,
        nonFinite: undefined,
        why: '',
      },
    },
    arithmetics: doc.arithmetics,
    ...(byName.size > 0 ? { states: StateMemories.of(byName, doc.arithmetics.length) } : {}),
  };
  return { request, states };
}

/** What the folder holds of a tensor has its shape in the graph, and the worst element is one of the node's. */
function requireFit(
  { bad }: ReadDocument,
  node: GraphTensor,
  tensors: TraceFile,
  byKey: ReadonlyMap<string, GraphTensor>,
): void {
  const outside = bad.worst.index.findIndex((i, d) => i >= (node.ne[d] ?? 0));
  if (outside >= 0) {
    throw new QuarrelError(
      `${REPRO_FILES.document}: bad.worst.index is [${bad.worst.index.join(', ')}], expected an element of ` +
        `${node.key}, ne [${node.ne.join(', ')}]`,
    );
  }
  for (const entry of tensors.entries.values()) {
    const prefix = Object.values(PREFIX).find((p) => entry.key.startsWith(p)) ?? '';
    const fault = shapeFault(entry, byKey.get(entry.key.slice(prefix.length)));
    if (fault !== undefined) throw new QuarrelError(`${tensors.label}: ${fault}`);
  }
}

function contents(tensors: TraceFile): ReadonlyMap<string, Uint8Array> {
  const keys = [...tensors.entries.keys()].filter((key) => key.startsWith(PREFIX.state));
  return new Map(keys.map((key) => [key.slice(PREFIX.state.length), tensors.readRaw(key)]));
}

/** The file's tensors of one kind, by the graph's keys. */
function withoutPrefix(file: TraceFile, prefix: string): TraceSource {
  const entries = new Map<string, TraceEntry>();
  for (const [key, entry] of file.entries) {
    if (!key.startsWith(prefix)) continue;
    const own = key.slice(prefix.length);
    entries.set(own, { ...entry, key: own });
  }
  return {
    label: file.label,
    engine: file.engine,
    tokens: file.tokens,
    manifest: file.manifest,
    entries,
    readF32: (key) => file.readF32(prefix + key),
    readRaw: (key) => file.readRaw(prefix + key),
  };
}

function requireComplete(tensors: TraceFile, part: ReproPart, weights: WeightSource): void {
  for (const { key } of [...part.inputs, ...part.givenNodes]) {
    if (!tensors.entries.has(PREFIX.input + key))
      throw new QuarrelError(`${tensors.label}: ${PREFIX.input}${key} is missing`);
  }
  const lacking = part.weights.find((t) => !weights.tensor(t.name));
  if (lacking) throw new QuarrelError(`${weights.label}: the weight ${lacking.name} is missing`);
}
