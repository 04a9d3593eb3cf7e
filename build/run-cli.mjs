/**
 * `npm run quarrel -- …`: builds `out/main` when it is stale and runs the command line in this process, so that stdio,
 * signals and the exit code are its own. Nothing but the command line writes to stdout.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readEnvironment } from './environment.mjs';
import { gpuEnv } from './gpu-env.mjs';
import { projectRoot } from './project-root.mjs';

const cli = join(projectRoot, 'out', 'main', 'cli.cjs');

function fail(line) {
  process.stderr.write(`quarrel: ${line}\n`);
  process.exit(2);
}

/** In a process of its own: the bundler's memory and threads must not stay with the command. */
function build() {
  const bundler = join(projectRoot, 'build', 'bundle.mjs');
  return spawnSync(process.execPath, [bundler, '--main'], { stdio: ['ignore', 2, 2] }).status === 0;
}

if (!existsSync(join(projectRoot, 'node_modules', '.package-lock.json'))) fail('packages are missing: run "npm ci"');
const { mainIsStale } = await import('./bundle.mjs');
if (mainIsStale() && !build()) fail('the command line could not be built');
if (!existsSync(cli)) fail(`${cli} is missing`);

// npm changes to the project's folder; paths on the command line are the caller's.
if (process.env.npm_lifecycle_event === 'quarrel' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
Object.assign(process.env, gpuEnv(readEnvironment()?.swiftshaderIcd));
process.argv[1] = cli;
try {
  await import(pathToFileURL(cli).href);
} catch (error) {
  // Node's own exit code for it would be 1, which says that a difference was found.
  fail(`cannot be loaded: ${error.message}`);
}
