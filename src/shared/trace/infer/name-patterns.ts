/** Names with one number made general: what stands in every layer under the same name. */

/** One pattern of names, `{N}` for the number, and who bears it. */
export interface NamePattern<T> {
  readonly pattern: string;
  readonly members: ReadonlyMap<number, T>;
}

interface Reading {
  readonly pattern: string;
  readonly n: number;
}

/** A name with each of its numbers in turn replaced by `{N}`; numbers that `{N}` would write otherwise (`01`) stay. */
export function readings(name: string): readonly Reading[] {
  return [...name.matchAll(/\d+/g)]
    .filter(([digits]) => String(Number(digits)) === digits)
    .map((m) => ({
      pattern: `${name.slice(0, m.index)}{N}${name.slice(m.index + m[0].length)}`,
      n: Number(m[0]),
    }));
}

/**
 * Groups names by the pattern that most of them share. A name without a number, or alone in its pattern, stands in no
 * group. Patterns in the order of their first name.
 */
export function groupNames<T>(names: ReadonlyMap<string, T>): readonly NamePattern<T>[] {
  const sizes = new Map<string, number>();
  for (const name of names.keys()) {
    for (const { pattern } of readings(name)) sizes.set(pattern, (sizes.get(pattern) ?? 0) + 1);
  }
  const groups = new Map<string, Map<number, T>>();
  for (const [name, value] of names) {
    const size = (r: Reading): number => sizes.get(r.pattern) ?? 0;
    const best = readings(name).reduce<Reading | undefined>((a, b) => (a && size(a) >= size(b) ? a : b), undefined);
    if (!best || size(best) < 2) continue;
    const members = groups.get(best.pattern) ?? new Map<number, T>();
    groups.set(best.pattern, members.set(best.n, value));
  }
  return [...groups].filter(([, members]) => members.size > 1).map(([pattern, members]) => ({ pattern, members }));
}

/** `Qcur-7#0` as `Qcur-{N}#0`; undefined outside layers. */
export function layerPattern(key: string): { readonly pattern: string; readonly layer: number } | undefined {
  const m = /^(.*-)(\d+)(#\d+)?$/.exec(key);
  return m ? { pattern: `${m[1]}{N}${m[3] ?? ''}`, layer: Number(m[2]) } : undefined;
}
