/** The last part of a path, of either kind of slash. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
}

/** A LANE string as it fits on a chip: folders and files by their own name. */
export function laneName(spec: string): string {
  if (spec.startsWith('trace:')) return `trace ${baseName(spec.slice('trace:'.length))}`;
  const at = spec.indexOf('@');
  return at < 0 ? spec : `${spec.slice(0, at)} @ ${baseName(spec.slice(at + 1))}`;
}
