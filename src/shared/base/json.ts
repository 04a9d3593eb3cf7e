/**
 * The one way in which the JSON of a file becomes a value: parsed, looked through for keys that come twice, and checked
 * as a whole against a schema. What is wrong is said in one line: where, what was found, what is expected.
 */
import { z } from 'zod';
import { QuarrelError } from './errors';
import { faultOf } from './json-fault';

// Pages forbid code that is made at run time, and the checks are quick enough without it.
z.config({ jitless: true });

/** @param label of the file, for messages. Throws QuarrelError. */
export function parseJson<T>(json: string, schema: z.ZodType<T>, label: string): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (e) {
    throw new QuarrelError(`${label}: no JSON: ${oneLine((e as Error).message)}`);
  }
  const twice = faultOf(json);
  if (twice !== undefined) throw new QuarrelError(`${label}: ${twice}`);
  return checkedJson(parsed, schema, label);
}

/**
 * A value that was parsed already.
 * @param whole what it is called as a whole
 * Throws QuarrelError.
 */
export function checkedJson<T>(value: unknown, schema: z.ZodType<T>, label: string, whole = 'the document'): T {
  const result = schema.safeParse(value, { error: expectation });
  if (result.success) return result.data;
  throw new QuarrelError(`${label}: ${complaint(result.error.issues, value, whole)}`);
}

/** JSON inside a text of another document, which is quoted where it is not as expected. Throws QuarrelError. */
export function parseInner<T>(json: string, schema: z.ZodType<T>, label: string, expected: string): T {
  try {
    return parseJson(json, schema, label);
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    throw new QuarrelError(`${label} is ${json.slice(0, SHOWN)}; ${expected} is expected`);
  }
}

/** Adds a complaint about a value that is well-formed and yet means nothing: it says why, not what is expected. */
export function refuse(ctx: z.RefinementCtx, why: string, path: PropertyKey[] = []): void {
  ctx.addIssue({ code: 'custom', message: why, path, params: REFUSAL });
}

/** Where a value stands in its document: `entries[2].models`; empty for the document itself. */
export function pathText(path: readonly PropertyKey[]): string {
  const step = (key: PropertyKey): string => (typeof key === 'number' ? `[${key}]` : `.${named(String(key))}`);
  return path.map(step).join('').replace(/^\./, '');
}

/** A text that is not empty. */
export function textOf(expected: string): z.ZodString {
  return z.string(expected).min(1, expected);
}

/** A whole number from 0. */
export function countOf(expected: string): z.ZodInt {
  return z.int(expected).nonnegative(expected);
}

/** A list that is not empty, or the one item that stands for it. */
export function oneOrMore<T extends z.ZodType>(item: T): z.ZodType<z.output<T>[]> {
  return z
    .union([z.array(item).min(1, 'a list that is not empty'), item])
    .transform((found) => (Array.isArray(found) ? found : [found]) as z.output<T>[]);
}

/** A number of a report: what JSON cannot hold stands there as text. */
export const anyNumber = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)], {
  error: 'a number, or "NaN", "Infinity" or "-Infinity"',
});

const REFUSAL = { refusal: true };
type Issue = z.core.$ZodIssue;

/** What is expected, in words; a schema's own words come before these. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? `a value of type ${issue.expected}`;
    case 'invalid_value':
      return issue.values.map((v) => JSON.stringify(v)).join(' or ');
    case 'too_small':
      return issue.origin === 'array' ? `at least ${issue.minimum} items` : `at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'array' ? `at most ${issue.maximum} items` : `at most ${issue.maximum}`;
    case 'unrecognized_keys':
      return `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}${knownFields(issue.inst)}`;
    default:
      return undefined;
  }
}

function knownFields(form: unknown): string {
  return form instanceof z.ZodObject ? `; known: ${Object.keys(form.shape).join(', ')}` : '';
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

function complaint(issues: readonly Issue[], root: unknown, whole: string): string {
  const issue = deepest(issues);
  if (issue === undefined) return 'another form is expected';
  const { path, message } = issue;
  const at = pathText(path) || whole;
  const isRefusal = issue.code === 'custom' && issue.params?.['refusal'] === true;
  if (isRefusal || issue.code === 'unrecognized_keys') return `${at}: ${message}`;
  const found = valueAt(root, path);
  if (found !== undefined) return `${at} is ${brief(found)}; ${message} expected`;
  const parent = pathText(path.slice(0, -1));
  return `${parent === '' ? '' : `${parent}: `}"${String(path.at(-1))}" is missing; ${message} expected`;
}

/** The first issue; of the branches of a union the one that came furthest, whose form was meant. */
function deepest(issues: readonly Issue[], at: readonly PropertyKey[] = []): Issue | undefined {
  const [first] = issues;
  if (first === undefined) return undefined;
  const issue: Issue = { ...first, path: [...at, ...first.path] };
  if (first.code !== 'invalid_union') return issue;
  const branches = first.errors.flatMap((errors) => deepest(errors, issue.path) ?? []);
  const further = branches.filter((b) => b.path.length > issue.path.length || FORM_FITS.has(b.code));
  const best = further.sort((a, b) => b.path.length - a.path.length)[0];
  if (best) return best;
  return first.message === 'Invalid input' ? (branches.at(-1) ?? issue) : issue;
}

/** What is only said of a value that has the form already. */
const FORM_FITS: ReadonlySet<Issue['code']> = new Set(['too_small', 'too_big', 'unrecognized_keys', 'custom']);

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Readonly<Record<PropertyKey, unknown>>)[key], root);
}

const SHOWN = 60;

/** The beginning of a value as JSON, however large or deep it is. */
export function brief(value: unknown, depth = 0): string {
  const whole = (): string => {
    if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN + 1));
    if (typeof value !== 'object' || value === null) return String(value);
    const isList = Array.isArray(value);
    const inner =
      depth === 3
        ? '…'
        : Object.entries(value)
            .slice(0, SHOWN / 2)
            .map(([key, item]) => (isList ? '' : `${JSON.stringify(key)}:`) + brief(item, depth + 1))
            .join();
    return isList ? `[${inner}]` : `{${inner}}`;
  };
  const text = whole();
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function named(key: string): string {
  return /^[\w$#:-]+$/.test(key) ? key : JSON.stringify(key);
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ');
}
