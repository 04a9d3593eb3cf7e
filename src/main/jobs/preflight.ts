/** What is checked before the layers: tokens, types, weights, embedding rows. */
import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import type { Cause } from '../../shared/divergence/cause';
import type { Rung } from '../../shared/divergence/checks';
import type { Examination } from '../../shared/divergence/examine';
import { checkEmbedding } from '../../shared/divergence/preflight/embedding';
import { checkTokens } from '../../shared/divergence/preflight/tokens';
import type { DeclaredModel, ModelFacts } from '../../shared/divergence/preflight/types';
import { checkTypes, declaredModel, requireKnownTensors } from '../../shared/divergence/preflight/types';
import type { WeightCheck } from '../../shared/divergence/preflight/weights';
import { checkWeights } from '../../shared/divergence/preflight/weights';
import { GgufArray } from '../../shared/gguf/array';
import { typeFallbacks } from '../../shared/gguf/type-fallback';
import { vocabularyOf } from '../capture/token-pieces';
import type { ModelFile } from '../files/model-file';
import type { TraceFile } from '../traces/trace-file';
import type { CapturedStep } from './capture-session';
import { compareHashes, scanScales } from './scan-weights';
import type { SearchBudgets } from './search-budgets';
import type { TokensToRun } from './tokens-to-run';

export interface PreflightRequest {
  readonly model: ModelFile;
  /** The prompt, and how the candidate's nodes were judged there. */
  readonly first: CapturedStep;
  readonly examination: Examination;
  readonly tokens: TokensToRun;
  /** A foreign engine's dump; absent for lanes that read the model file themselves. */
  readonly dump: Dump | undefined;
  readonly budgets: Pick<SearchBudgets, 'scan' | 'hashes'>;
}

type Dump = Pick<TraceFile, 'metadata' | 'label' | 'tokens'>;

export interface Preflight {
  readonly rungs: readonly Rung[];
  /** What makes a run of right nodes a wrong one. */
  readonly cause: Cause | null;
  /** Why no run on this model's weights can be called right; null where nothing is known against them. */
  readonly unusable: string | null;
}

/** Throws QuarrelError for damaged metadata of the dump, CancelledError. */
export async function preflight(request: PreflightRequest, control: JobControl): Promise<Preflight> {
  const { model, dump, first, examination } = request;
  const stage = staged(control, 'preflight');
  const declared = dump && declaredOf(dump, model);
  const { rung: tokens, cause } = await tokenFinding(request, stage);
  const { rung: weights, unusable } = await weightCheck(request, declared, stage);
  const rungs = [tokens, checkTypes(declared, factsOf(model)), weights, checkEmbedding(first.graph, examination)];
  return { rungs, cause, unusable };
}

/** What a dump says of its model. Throws QuarrelError where that is malformed, or about another model's tensors. */
export function declaredOf(dump: Dump, model: ModelFile): DeclaredModel {
  const declared = declaredModel(dump.metadata, dump.label);
  const names = new Set(model.gguf.tensors.map((t) => t.name));
  requireKnownTensors(declared, dump.label, { label: model.label, has: (name) => names.has(name) });
  return declared;
}

async function tokenFinding(
  { model, first, tokens, dump }: PreflightRequest,
  control: JobControl,
): Promise<ReturnType<typeof checkTokens>> {
  const { ofText } = tokens;
  const ofDump = dump && (tokens.ofDump ?? dump.tokens);
  const ids = [...new Set([...first.tokens, ...(ofText ?? []), ...(ofDump ?? [])])];
  // A lane that is given the tokens can only share a mistake of the text.
  const wanted = dump !== undefined || first.tokens[0] === first.tokens[1];
  const vocabulary = wanted ? await vocabularyOf(model.path, withBos(ids, model), control) : undefined;
  const pre = model.gguf.metadata.string('tokenizer.ggml.pre');
  return checkTokens({
    tokens: first.tokens,
    ...(ofDump ? { dump: ofDump } : {}),
    ...(ofText ? { prompt: ofText } : {}),
    ...(vocabulary ? { vocabulary: { ...vocabulary, ...(pre === undefined ? {} : { pre }) } } : {}),
    textOf: (token) => vocabulary?.textOf.get(token),
  });
}

/** BOS is named even where no text has it. */
function withBos(ids: readonly number[], model: ModelFile): readonly number[] {
  const bos = model.gguf.metadata.number('tokenizer.ggml.bos_token_id');
  const count = model.gguf.metadata.array('tokenizer.ggml.tokens')?.length ?? 0;
  return bos === undefined || bos >= count || ids.includes(bos) ? ids : [...ids, bos];
}

async function weightCheck(
  { model, budgets }: PreflightRequest,
  declared: DeclaredModel | undefined,
  control: JobControl,
): Promise<WeightCheck> {
  const scan = await scanScales(model, control, budgets.scan());
  const hashes = declared?.hashes && (await compareHashes(model, declared.hashes, control, budgets.hashes()));
  const check = checkWeights(declared ? hashes : 'same-file', scan);
  return { ...check, rung: withZeros(check.rung, model) };
}

/** Weights that are zeros to the end of the file are equal for everybody, and yet nobody's. */
function withZeros(rung: Rung, { gguf }: ModelFile): Rung {
  const zeros = gguf.findings.filter((f) => f.code === 'zeros').map((f) => f.message);
  return zeros.length === 0 ? rung : { ...rung, text: [rung.text, ...zeros].join('; ') };
}

function factsOf({ gguf }: ModelFile): ModelFacts {
  const { metadata } = gguf;
  const types = new Map(gguf.tensors.map((t) => [t.name, t.type]));
  return {
    architecture: metadata.string('general.architecture') ?? '',
    typeOf: (tensor) => types.get(tensor),
    valueOf: (key) => plainValue(metadata.get(key)),
    fallbacks: typeFallbacks(gguf).map(
      ({ tensor, type, wanted }) => `${tensor.name} is ${type} in the file, a stand-in for ${wanted}`,
    ),
  };
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof GgufArray ? value.slice(0, value.length).map(plainValue) : value;
}
