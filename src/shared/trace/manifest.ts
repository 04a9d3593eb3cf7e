import { QuarrelError } from '../base/errors';
import { plainJson } from '../base/plain-json';
import type { TensorStats, TraceManifest } from './trace';

/** The newest manifest this build reads and writes. */
export const MANIFEST_SCHEMA = 'quarrel.trace/1';

/** JSON of a manifest; non-finite statistics, which JSON cannot say, become strings. */
export function encodeManifest(manifest: TraceManifest): string {
  return plainJson(manifest, 0);
}

/** Numbers as JSON holds them: non-finite ones are strings. */
type JsonStats = Readonly<Record<Exclude<keyof TensorStats, 'first'>, number | string>> & {
  readonly first: readonly (number | string)[];
};

/** A manifest as it may come from a file: only the schema is sure. */
type JsonManifest = Partial<Omit<TraceManifest, 'schema' | 'stats'>> & {
  readonly schema?: unknown;
  readonly stats?: Readonly<Record<string, JsonStats>>;
};

export function decodeManifest(json: string, label: string): TraceManifest {
  let parsed: JsonManifest | null;
  try {
    parsed = JSON.parse(json) as JsonManifest | null;
  } catch (e) {
    throw new QuarrelError(`${label}: __metadata__.manifest is no JSON: ${String(e)}`);
  }
  if (parsed?.schema !== MANIFEST_SCHEMA) {
    throw new QuarrelError(
      `${label}: manifest schema ${JSON.stringify(parsed?.schema)}; this version reads ${MANIFEST_SCHEMA}`,
    );
  }
  const { model = '', stats = {}, timings = {}, notMeasured = [], provenance = {} } = parsed;
  const { graph, pieces, past, steps } = parsed;
  return {
    schema: MANIFEST_SCHEMA,
    model,
    stats: Object.fromEntries(Object.entries(stats).map(([key, s]) => [key, decodeStats(s)])),
    timings,
    notMeasured,
    provenance,
    ...(graph ? { graph } : {}),
    ...(pieces ? { pieces } : {}),
    ...(past === undefined ? {} : { past }),
    ...(steps ? { steps } : {}),
  };
}

function decodeStats({ first, ...numbers }: JsonStats): TensorStats {
  const decoded = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
  return { ...(decoded as Omit<TensorStats, 'first'>), first: first.map(Number) };
}
