/** Applies the rules to the imports of a tree. */
import { areas, contractFolder, electronOnly, sharedLevels } from './rules.mjs';

/**
 * @param {ReadonlyMap<string, readonly import('./parse.mjs').Import[]>} tree imports by `src`-relative file
 * @returns {Array<{ file: string, imports: string, line: number, problem: string }>}
 */
export function violations(tree) {
  const found = [];
  for (const [file, imports] of tree) {
    for (const one of imports) {
      const problem = problemOf(file, one);
      if (problem) found.push({ file, imports: one.target, line: one.line, problem });
    }
  }
  return [...found, ...siblingCycles(tree)];
}

function problemOf(file, one) {
  const area = areas.find(({ from }) => file.startsWith(from));
  if (!area) return 'this file lies in no area of the import law';
  return one.isFile ? fileProblem(file, one, area) : packageProblem(file, one.target, area);
}

function fileProblem(file, one, area) {
  const { target } = one;
  if (!area.own.some((allowed) => isUnder(target, allowed)))
    return `${area.from} may import only ${area.own.join(', ')}`;
  if (file.startsWith('main/') && !isElectronOnly(file) && isElectronOnly(target)) {
    return 'plain Node code may not import what runs inside Electron';
  }
  return file.startsWith('shared/') ? sharedProblem(file, one) : undefined;
}

function sharedProblem(file, { target, typeOnly }) {
  const from = sharedFolder(file);
  const to = sharedFolder(target);
  if (from === to) return undefined;
  if (`shared/${to}` === contractFolder) return 'no shared folder may import the contract';
  if (`shared/${from}` === contractFolder) {
    return typeOnly || to === 'base' ? undefined : 'the contract may import types only (values from base alone)';
  }
  if (level(from) < 0) return `shared/${from} has no level in the import law`;
  return level(to) >= 0 && level(to) <= level(from) ? undefined : `${to} lies above ${from}: ${chain}`;
}

function packageProblem(file, target, { from, packages }) {
  if (target === 'electron' && file.startsWith('main/') && !isElectronOnly(file)) {
    return `electron may be imported only by ${electronOnly.join(', ')}`;
  }
  if (packages === 'any' || (packages !== 'none' && packages.some((allowed) => isPackage(target, allowed)))) {
    return undefined;
  }
  return `${from} may import ${packages === 'none' ? 'no package' : `only the packages ${packages.join(', ')}`}`;
}

/** Folders of one level that import each other, directly or round a corner. */
function siblingCycles(tree) {
  const edges = new Map();
  for (const [file, imports] of tree) {
    if (!file.startsWith('shared/')) continue;
    const from = sharedFolder(file);
    for (const { target, isFile, line } of imports) {
      const to = sharedFolder(target);
      if (!isFile || from === to || level(from) < 0 || level(to) !== level(from)) continue;
      const targets = edges.get(from) ?? new Map();
      if (!targets.has(to)) targets.set(to, { file, imports: target, line });
      edges.set(from, targets);
    }
  }
  const cycles = [];
  for (const [from, targets] of edges) {
    for (const [to, at] of targets) {
      if (reaches(edges, to, from)) cycles.push({ ...at, problem: `${from} and ${to} import each other` });
    }
  }
  return cycles;
}

function reaches(edges, from, goal, seen = new Set()) {
  if (from === goal) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return [...(edges.get(from)?.keys() ?? [])].some((next) => reaches(edges, next, goal, seen));
}

const chain = sharedLevels.map((names) => names.join(', ')).join(' ← ');
const level = (folder) => sharedLevels.findIndex((names) => names.includes(folder));
const sharedFolder = (path) => path.split('/')[1];
const isElectronOnly = (path) => electronOnly.some((allowed) => isUnder(path, allowed));

/** `allowed` is a folder (ends in /) or a file, with or without its extension on either side. */
function isUnder(path, allowed) {
  if (allowed.endsWith('/')) return `${path}/`.startsWith(allowed);
  return withoutExtension(path) === withoutExtension(allowed);
}

const withoutExtension = (path) => path.replace(/\.(ts|mjs|vue)$/, '');

/** `allowed` is a package with all its subpaths, or `node:*`. */
function isPackage(target, allowed) {
  return allowed === 'node:*' ? target.startsWith('node:') : target === allowed || target.startsWith(`${allowed}/`);
}
