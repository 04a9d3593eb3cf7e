/** The second rung: whether the candidate read the same tensor types and hyperparameters from the file. */
import { z } from 'zod';
import { QuarrelError } from '../../base/errors';
import { checkedJson, parseInner } from '../../base/json';
import type { Rung } from '../checks';

/** What a dump says of the model that its engine loaded; each part may be missing. */
export interface DeclaredModel {
  /** `__metadata__.tensor_types`: type by tensor name. */
  readonly types?: Readonly<Record<string, string>>;
  /** `__metadata__.hparams`: values by GGUF key, with or without the architecture before it. */
  readonly hparams?: Readonly<Record<string, unknown>>;
  /** `__metadata__.tensor_sha256`: hash of the raw data by tensor name. */
  readonly hashes?: Readonly<Record<string, string>>;
}

/** Reads the optional metadata of a dump. Throws QuarrelError that names the key. */
export function declaredModel(metadata: Readonly<Record<string, string>>, label: string): DeclaredModel {
  const types = texts(metadata, 'tensor_types', label);
  const hparams = object(metadata, 'hparams', label);
  const hashes = texts(metadata, HASHES, label);
  for (const [name, hash] of Object.entries(hashes ?? {})) requireHash(name, hash, label);
  return { ...(types ? { types } : {}), ...(hparams ? { hparams } : {}), ...(hashes ? { hashes } : {}) };
}

const HASHES = 'tensor_sha256';
/** A SHA-256 in hexadecimal digits. */
const HASH = /^[0-9a-f]{64}$/i;

function requireHash(name: string, hash: string, label: string): void {
  if (HASH.test(hash)) return;
  const found = hash.length > 60 ? `${hash.slice(0, 60)}…` : hash;
  throw new QuarrelError(
    `${label}: __metadata__.${HASHES}: ${name} is ${JSON.stringify(found)} (${hash.length} characters); ` +
      'the 64 hexadecimal digits of a SHA-256 are expected',
  );
}

/** Throws QuarrelError where a dump gives the hash of a tensor that the model has not: it is of another model. */
export function requireKnownTensors(
  { hashes = {} }: DeclaredModel,
  label: string,
  model: { readonly label: string; readonly has: (tensor: string) => boolean },
): void {
  const unknown = Object.keys(hashes).filter((name) => !model.has(name));
  const [first] = unknown;
  if (first === undefined) return;
  const more = unknown.length > 1 ? ` and ${unknown.length - 1} more names` : '';
  throw new QuarrelError(
    `${label}: __metadata__.${HASHES}: ${model.label} has no tensor ${JSON.stringify(first)}${more}; ` +
      'names of its tensors are expected',
  );
}

function object(
  metadata: Readonly<Record<string, string>>,
  key: string,
  label: string,
): Readonly<Record<string, unknown>> | undefined {
  const json = metadata[key];
  return json === undefined ? undefined : parseInner(json, anyObject, `${label}: __metadata__.${key}`, 'a JSON object');
}

const anyObject = z.record(z.string(), z.unknown());
const stringsOnly = z.record(z.string(), z.string('a string'));

function texts(
  metadata: Readonly<Record<string, string>>,
  key: string,
  label: string,
): Readonly<Record<string, string>> | undefined {
  const found = object(metadata, key, label);
  return found && checkedJson(found, stringsOnly, `${label}: __metadata__.${key}`);
}

/** The model's own side. */
export interface ModelFacts {
  readonly architecture: string;
  /** Undefined where the model has no tensor of that name. */
  readonly typeOf: (tensor: string) => string | undefined;
  /** A plain value of the metadata: number, string, boolean or a list of them; undefined where the key is absent. */
  readonly valueOf: (key: string) => unknown;
  /** Tensors whose type is a stand-in (gguf/type-fallback.ts), one line each. */
  readonly fallbacks: readonly string[];
}

const TITLE = 'Metadata and tensor types';

/** @param declared absent for lanes that read the very file */
export function checkTypes(declared: DeclaredModel | undefined, model: ModelFacts): Rung {
  const rung = (state: Rung['state'], text: string, details: readonly string[] = []): Rung => ({
    id: 'types',
    title: TITLE,
    state,
    text,
    details: [...details, ...model.fallbacks],
  });
  if (!declared) return rung('equal', 'both lanes read the same file');
  const { types, hparams } = declared;
  if (!types && !hparams) {
    return rung('not-measured', 'the dump does not say them (__metadata__.tensor_types and .hparams)');
  }
  const ofTypes = compareAll(types ?? {}, (name, value) => compareType(name, value, model.typeOf(name)));
  const ofValues = compareAll(hparams ?? {}, (key, value) => compareValue(key, value, model));
  const different = [...ofTypes.different, ...ofValues.different];
  const unknown = [...ofTypes.unknown, ...ofValues.unknown];
  const compared = ofTypes.compared + ofValues.compared;
  if (different.length > 0) {
    const more = different.length > 1 ? ` and ${different.length - 1} more` : '';
    return rung('different', `${different[0] ?? ''}${more}`, [...different, ...unknown]);
  }
  if (compared === 0) return rung('not-measured', 'the model has nothing of what the dump names', unknown);
  return rung('equal', `${ofTypes.compared} types and ${ofValues.compared} values as in the model`, unknown);
}

type Compared = { readonly state: 'same' | 'unknown' } | { readonly state: 'different'; readonly text: string };

const SAME: Compared = { state: 'same' };
const UNKNOWN: Compared = { state: 'unknown' };

interface Comparison {
  readonly compared: number;
  readonly different: readonly string[];
  readonly unknown: readonly string[];
}

function compareAll<T>(
  declared: Readonly<Record<string, T>>,
  compare: (name: string, value: T) => Compared,
): Comparison {
  const different: string[] = [];
  const unknown: string[] = [];
  let compared = 0;
  for (const [name, value] of Object.entries(declared)) {
    const result = compare(name, value);
    if (result.state === 'unknown') unknown.push(`the model has no ${name}`);
    else compared++;
    if (result.state === 'different') different.push(result.text);
  }
  return { compared, different, unknown };
}

function compareType(name: string, declared: string, own: string | undefined): Compared {
  if (own === undefined) return UNKNOWN;
  if (own.toLowerCase() === declared.toLowerCase()) return SAME;
  return { state: 'different', text: `${name} is ${own}, the engine read ${declared}` };
}

function compareValue(key: string, declared: unknown, model: ModelFacts): Compared {
  const own = model.valueOf(key) ?? model.valueOf(`${model.architecture}.${key}`);
  if (own === undefined) return UNKNOWN;
  if (isSameValue(own, declared)) return SAME;
  return { state: 'different', text: `${key} is ${shown(own)}, the engine has ${shown(declared)}` };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)} …` : text;
}

/** Numbers are equal when they are so as f32, the type of GGUF's floats. */
function isSameValue(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a === b || Math.fround(a) === Math.fround(b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => isSameValue(x, b[i]));
  return a === b;
}
