import { parseJson } from '../base/json';
import { plainJson } from '../base/plain-json';
import { manifestSchema } from './manifest-schema';
import type { TraceManifest } from './trace';

/** JSON of a manifest; non-finite statistics, which JSON cannot say, become strings. */
export function encodeManifest(manifest: TraceManifest): string {
  return plainJson(manifest, 0);
}

/** Throws QuarrelError that names the first field which is not as expected. */
export function decodeManifest(json: string, label: string): TraceManifest {
  return parseJson(json, manifestSchema, `${label}: __metadata__.manifest`);
}
