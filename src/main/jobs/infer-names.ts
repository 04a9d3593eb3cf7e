/** Foreign names that no map translates: which nodes they mean, by their values. */
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { MAP_CONFIDENCE } from '../../shared/compare/tolerance';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { PromptSpec } from '../../shared/ipc/jobs';
import type { InferredEntry, InferredMap } from '../../shared/trace/infer-map';
import { inferMap, namesAreForeign, nameMapOf } from '../../shared/trace/infer-map';
import type { NameMap } from '../../shared/trace/name-map';
import { stepView } from '../../shared/trace/steps';
import type { TraceSource } from '../../shared/trace/trace';
import { modelFilesOf } from '../files/run-inputs';
import { onUnchanged } from '../files/watched-files';
import { TraceFile } from '../traces/trace-file';
import { yieldToEvents } from '../yield-to-events';
import type { CapturedStep } from './capture-session';
import { openCapture } from './capture-session';
import { owning } from './owned';
import { RunFolder } from './run-folder';
import { requireSameTokens } from './same-tokens';

/** A map that was inferred, and what to say of it. */
export interface InferredNames {
  readonly map: NameMap;
  /** How many names were mapped, for the verdict. */
  readonly note: string;
  /** What to say of a node that is blamed; undefined where its name was not inferred. */
  noteOf(key: string): string | undefined;
  /** Why a name is not used. */
  whyNot(name: string): string;
  /** Why a clean verdict would say nothing: too few names were mapped; undefined where it may be said. */
  readonly tooFew: string | undefined;
}

/** Share of the names that must be mapped before a dump without a bad node is called clean. */
const ENOUGH = 0.5;

/**
 * Infers the names of a dump that was given without a map.
 * @returns undefined where the dump's own names are the graph's
 * @throws QuarrelError where hardly anything is sure
 */
export async function inferNames(
  dump: TraceSource,
  step: CapturedStep,
  control: JobControl,
): Promise<InferredNames | undefined> {
  const { graph, captured: golden } = step;
  if (!namesAreForeign(dump, graph)) return undefined;
  const threshold = MAP_CONFIDENCE;
  const inferred = await inferMap({ dump, golden, graph, threshold, control, pause: yieldToEvents });
  if (inferred.entries.length === 0) throw new QuarrelError(tooFewOf(dump, inferred));
  const mapped = countOf(inferred.entries);
  const byKey = new Map(
    inferred.entries.flatMap((e) => [...e.names].map(([name, key]) => [key, { name, e }] as const)),
  );
  return {
    map: nameMapOf(inferred.entries),
    note: summary(inferred),
    whyNot: (name) => whyNotUsed(name, inferred),
    tooFew: mapped < ENOUGH * (mapped + leftOf(inferred)) ? tooFewOf(dump, inferred) : undefined,
    noteOf: (key) => {
      const found = byKey.get(key);
      if (!found) return undefined;
      const { name, e } = found;
      return `${key} is what the dump calls ${name}: inferred with confidence ${e.confidence.toFixed(2)} (${e.why}); if that is wrong, give --map`;
    },
  };
}

function whyNotUsed(name: string, { doubtful }: InferredMap): string {
  for (const { names, confidence } of doubtful) {
    const key = names.get(name);
    if (key !== undefined) return `most like ${key}, but with confidence ${confidence.toFixed(2)}: give --map`;
  }
  return 'its values are like those of no node: give --map';
}

function tooFewOf(dump: TraceSource, { entries }: InferredMap): string {
  const names = [...dump.entries.keys()];
  if (names.length === 0) return `${dump.label}: it holds no checkpoint that can be read`;
  const keys = entries.flatMap((e) => [...e.names.values()]);
  const few = entries.some((e) => e.foreign === e.node) ? 'few' : 'none';
  const found =
    keys.length === 0
      ? 'and none could be matched to one'
      : `only ${keys.length} could be matched to some, too few for a verdict (right as far as they go: the last is ${keys.at(-1)}),`;
  return (
    `${dump.label}: ${few} of its ${names.length} checkpoints (${names.slice(0, 3).join(', ')} …) is a node of the graph, ` +
    `${found} with confidence ≥ ${MAP_CONFIDENCE}: give --map FILE to translate names ` +
    `(quarrel map MODEL --candidate trace:FILE --out map.json makes a first version)`
  );
}

function countOf(entries: readonly InferredEntry[]): number {
  return entries.reduce((sum, e) => sum + e.names.size, 0);
}

function leftOf({ doubtful, unknown }: InferredMap): number {
  return countOf(doubtful) + unknown.length;
}

function summary(inferred: InferredMap): string {
  const [sure, unsure] = [countOf(inferred.entries), leftOf(inferred)];
  const left = unsure > 0 ? `; the other ${unsure} are not used` : '';
  const least = Math.min(...inferred.entries.map((e) => e.confidence)).toFixed(2);
  return `names: ${sure} of ${sure + unsure} names were mapped by inference, confidence ≥ ${least}${left}`;
}

export interface MapReport {
  readonly schema: 'quarrel.map/1';
  readonly model: string;
  readonly candidate: string;
  readonly tokens: readonly number[];
  /** Entries at or above it are sure enough to be used unseen. */
  readonly threshold: number;
  readonly checkpoints: number;
  readonly entries: readonly InferredEntry[];
  readonly doubtful: readonly InferredEntry[];
  readonly unknown: readonly string[];
}

export interface MapRequest {
  readonly modelPath: string;
  /** The dump's own tokens when absent. */
  readonly prompt?: PromptSpec;
  /** `trace:FILE`. */
  readonly candidate: string;
  readonly threshold: number;
}

/** Matches a dump's names to the nodes of the model's graph (`quarrel map`). */
export async function mapNames(request: MapRequest, control: JobControl): Promise<MapReport> {
  const { modelPath, candidate } = request;
  const spec = parseLane(candidate);
  if (spec.kind !== 'trace') {
    throw new QuarrelError(
      `candidate ${JSON.stringify(candidate)}: trace:FILE is expected, whose names are to be mapped`,
    );
  }
  const inputs = [...modelFilesOf(modelPath), spec.path];
  return onUnchanged(inputs, () => mapOpened(spec.path, request, control));
}

function mapOpened(path: string, request: MapRequest, control: JobControl): Promise<MapReport> {
  const { modelPath, candidate, threshold } = request;
  return owning(async (owned) => {
    const file = owned.add(TraceFile.open(path));
    const dump = stepView(file, 0);
    const prompt = request.prompt ?? promptOf(file);
    const folder = owned.add(new RunFolder());
    const lane = { kind: 'llama', device: 'cpu' } as const;
    const session = owned.add(await openCapture({ modelPath, prompt, lane, folder, control }));
    const { graph, captured: golden, tokens } = session.first;
    requireSameTokens(dump, { label: 'this run', tokens }, ' (give --tokens)');
    const inferred = await inferMap({ dump, golden, graph, threshold, control, pause: yieldToEvents });
    return {
      schema: 'quarrel.map/1',
      model: modelPath,
      candidate,
      tokens,
      threshold,
      checkpoints: dump.entries.size,
      ...inferred,
    };
  });
}

function promptOf(file: TraceFile): PromptSpec {
  if (file.tokens.length > 0) return { kind: 'tokens', tokens: file.tokens };
  throw new QuarrelError(`${file.label} does not say its tokens: give --prompt TEXT or --tokens 1,2,3`);
}
