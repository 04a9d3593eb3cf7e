import type { Chance } from './chance';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const VALUES: readonly Json[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 3, 16, 1024, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308],
  ...['', 'x', 'NaN', 'Infinity', '0', '__proto__', 'constructor', 'toString', '\u0000', '\ud800', '{N}', '../..', '/'],
  ...['exact', 'node', 'weight', 'F32', 'Q4_K', 'MUL_MAT', 'SET_ROWS', 'VIEW', 'trace:x', 'cmd:x', 'webgpu'],
  ...[[], {}, [[]], [null], [0, 0, 0, 0], { a: 1 }, { __proto__: null }],
];

/** The document, as text, with some values changed, missing, doubled or swapped; now and then no JSON any more. */
export function mutateJson(document: unknown, chance: Chance): string {
  const root = structuredClone(document) as Json;
  for (let n = chance.times(3); n > 0; n--) mutateTree(root, chance);
  const text = JSON.stringify(root);
  if (!chance.oneIn(12)) return text;
  const at = chance.below(text.length + 1);
  return chance.of([
    () => text.slice(0, at),
    () => text.slice(0, at) + chance.of(['"', '{', ']', ',', '\\', '\u0000', '\ufeff']) + text.slice(at),
    () => text.replace(/"(\w+)":/, '"$1":0,"$1":'),
    () => text.replace(/:/, `:${'['.repeat(5000)}${']'.repeat(5000)},"z":`),
    () => `${text}${text}`,
  ])();
}

function mutateTree(root: Json, chance: Chance): void {
  const holder = randomHolder(root, chance);
  if (!holder) return;
  if (Array.isArray(holder)) mutateList(holder, chance);
  else mutateObject(holder, chance);
}

/** An object or list somewhere in the tree, near the root or deep in it. */
function randomHolder(root: Json, chance: Chance): Json[] | { [key: string]: Json } | undefined {
  let at: Json = root;
  let holder: Json[] | { [key: string]: Json } | undefined;
  for (let depth = 0; typeof at === 'object' && at !== null; depth++) {
    holder = at;
    const children: Json[] = Object.values(at);
    if (children.length === 0 || (depth > 0 && chance.oneIn(5))) break;
    at = chance.of(children);
  }
  return holder;
}

function mutateList(list: Json[], chance: Chance): void {
  const at = chance.below(list.length + 1);
  switch (chance.below(6)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.splice(at, 0, valueFor(list[at], chance));
      break;
    case 2:
      if (list.length > 0) list.push(structuredClone(chance.of(list)));
      break;
    case 3:
      list.reverse();
      break;
    default:
      if (at < list.length) list[at] = valueFor(list[at], chance);
  }
}

function mutateObject(object: { [key: string]: Json }, chance: Chance): void {
  const keys = Object.keys(object);
  if (keys.length === 0) return;
  const key = chance.of(keys);
  switch (chance.below(7)) {
    case 0:
      Reflect.deleteProperty(object, key);
      break;
    case 1:
      object[chance.of(['', 'x', 'constructor', 'schema', key + key])] = valueFor(object[key], chance);
      break;
    case 2: {
      const other = chance.of(keys);
      [object[key], object[other]] = [object[other] as Json, object[key] as Json];
      break;
    }
    default:
      object[key] = valueFor(object[key], chance);
  }
}

/** Another value, mostly one of the same kind, so that it is looked at more closely. */
function valueFor(old: Json | undefined, chance: Chance): Json {
  if (typeof old === 'number' && !chance.oneIn(4)) {
    return chance.of([old + 1, old - 1, -old, old * 2, old / 2, 0, 1, chance.below(200), 2 ** 31, 2 ** 40]);
  }
  if (typeof old === 'string' && !chance.oneIn(3)) {
    const cut = chance.below(old.length + 1);
    return chance.of([old.slice(0, cut), old + old, old.toUpperCase(), `${old}#0`, 'x'.repeat(chance.times(1e5))]);
  }
  return structuredClone(chance.of(VALUES));
}
