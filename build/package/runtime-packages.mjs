/** The npm packages that the bundles leave outside, with all that these need. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names, found from the given ones; optional packages that are not installed (other platforms') are left out. */
export function runtimePackages(nodeModules, names) {
  const found = new Set();
  const visit = (name, optional) => {
    const file = join(nodeModules, name, 'package.json');
    if (found.has(name) || (optional && !existsSync(file))) return;
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(file, 'utf8'));
    found.add(name);
    for (const other of Object.keys(dependencies)) visit(other, other in optionalDependencies);
    for (const other of Object.keys(optionalDependencies)) visit(other, true);
  };
  for (const name of names) visit(name, false);
  return [...found].sort();
}
