import { resolve } from 'node:path';

/**
 * The model named on the command line, as an absolute path: the first argument that is no switch, after the app's own
 * folder where Electron was told to run one.
 * @param argv all arguments, the program first
 * @param appFolder folder that Electron runs; undefined in a packaged app
 */
export function launchFile(argv: readonly string[], appFolder: string | undefined, cwd: string): string | undefined {
  const given = argv.slice(1);
  const start = appFolder === undefined ? 0 : given.findIndex((a) => resolve(cwd, a) === resolve(appFolder)) + 1;
  const file = given.slice(start).find((a) => !a.startsWith('-'));
  return file === undefined ? undefined : resolve(cwd, file);
}
