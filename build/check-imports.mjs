/** Checks the import law over all of `src`. `node build/check-imports.mjs [ROOT]`; exit code 1 on a violation. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { violations } from './import-law/judge.mjs';
import { importsOf } from './import-law/parse.mjs';
import { debts } from './import-law/rules.mjs';
import { projectRoot } from './project-root.mjs';

const isSource = (name) => /\.(ts|mjs|vue)$/.test(name) && !name.endsWith('.d.ts');

/**
 * @param {string} root folder that holds `src`
 * @returns {{ files: number, problems: string[] }} one line per problem
 */
export function checkImports(root, known = debts) {
  const src = join(root, 'src');
  const entries = readdirSync(src, { recursive: true, withFileTypes: true });
  const paths = entries.filter((e) => e.isFile() && isSource(e.name)).map((e) => join(e.parentPath, e.name));
  const tree = new Map(
    paths.map((path) => {
      const file = relative(src, path).replaceAll('\\', '/');
      return [file, importsOf(path, file)];
    }),
  );
  const found = violations(tree);
  const isDebt = (one) => known.some((debt) => debt.file === one.file && debt.imports === one.imports);
  const paid = known.filter((debt) => !found.some((one) => one.file === debt.file && one.imports === debt.imports));
  return {
    files: tree.size,
    problems: [
      ...found
        .filter((one) => !isDebt(one))
        .map(({ file, line, imports, problem }) => `src/${file}:${line} imports ${imports}: ${problem}`),
      ...paid.map(({ file, imports }) => `debt ${file} → ${imports} is paid: take it off build/import-law/rules.mjs`),
    ],
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { files, problems } = checkImports(process.argv[2] ?? projectRoot);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  for (const { file, imports, why } of debts) process.stderr.write(`debt: ${file} → ${imports} (${why})\n`);
  process.stderr.write(`import law: ${files} files, ${problems.length} problems, ${debts.length} debts\n`);
  if (problems.length > 0) process.exitCode = 1;
}
