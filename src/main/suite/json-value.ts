import { QuarrelError } from '../../shared/base/errors';

/** A value in a JSON document that knows where it stands, so that errors can say so. */
export class JsonValue {
  /** @param at path from the root, as `entries[2].models`; empty at the root */
  private constructor(
    private readonly file: string,
    private readonly at: string,
    private readonly value: unknown,
  ) {}

  static parse(text: string, file: string): JsonValue {
    try {
      return new JsonValue(file, '', JSON.parse(text));
    } catch (e) {
      throw new QuarrelError(`${file}: no JSON: ${(e as Error).message}`);
    }
  }

  /** @throws QuarrelError with where, what was found and what is expected */
  fail(expected: string): never {
    throw new QuarrelError(`${this.file}: ${this.at || 'the document'} is ${shown(this.value)}; ${expected} expected`);
  }

  /** For what is well-formed but means nothing. */
  refuse(why: string): never {
    throw new QuarrelError(`${this.file}: ${this.at || 'the document'}: ${why}`);
  }

  get isString(): boolean {
    return typeof this.value === 'string';
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  /** The fields of an object; a name that is not among `known` is refused, for it would be ignored. */
  fields(known: readonly string[], expected: string): (name: string) => JsonValue | undefined {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.fail(expected);
    const object = value as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(object).find((name) => !known.includes(name));
    if (unknown !== undefined) this.refuse(`unknown field ${JSON.stringify(unknown)}; known: ${known.join(', ')}`);
    return (name) => (object[name] === undefined ? undefined : this.child(`.${name}`, object[name]));
  }

  items(expected: string): readonly JsonValue[] {
    const { value } = this;
    if (!Array.isArray(value) || value.length === 0) return this.fail(expected);
    return value.map((item, i) => this.child(`[${i}]`, item));
  }

  string(expected: string): string {
    return typeof this.value === 'string' && this.value !== '' ? this.value : this.fail(expected);
  }

  number(expected: string): number {
    return typeof this.value === 'number' ? this.value : this.fail(expected);
  }

  /** A whole number from 0. */
  count(expected: string): number {
    return Number.isSafeInteger(this.value) && (this.value as number) >= 0
      ? (this.value as number)
      : this.fail(expected);
  }

  boolean(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.fail('true or false');
  }

  oneOf<T extends string>(words: readonly T[]): T {
    return words.find((word) => word === this.value) ?? this.fail(words.map((w) => JSON.stringify(w)).join(' or '));
  }

  private child(step: string, value: unknown): JsonValue {
    return new JsonValue(this.file, `${this.at}${step}`.replace(/^\./, ''), value);
  }
}

const SHOWN = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
