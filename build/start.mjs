/**
 * `npm start`: set-up, build, and the app. Where there is no display, `quarrel demo` runs instead: a bug planted in the
 * kernels, and found.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { hasDisplay } from './display.mjs';
import { electronFlags } from './electron-flags.mjs';
import { projectRoot } from './project-root.mjs';
import { reportingFailure, setUp } from './setup.mjs';
import { say } from './setup/log.mjs';

await reportingFailure(async () => {
  const { electronPath } = await setUp();
  const { bundleAll } = await import('./bundle.mjs'); // after set-up, which installs what it imports
  await bundleAll();
  const args = process.argv.slice(2);
  process.exitCode = hasDisplay ? await openApp(electronPath, args) : await runHeadless();
});

function openApp(electronPath, args) {
  const env = { ...process.env };
  delete env.ELECTRON_RUN_AS_NODE; // set by some editors' terminals; Electron would be plain Node
  return exitOf(spawn(electronPath, [...electronFlags(electronPath), projectRoot, ...args], { env, stdio: 'inherit' }));
}

function runHeadless() {
  say('no display: quarrel demo runs on the command line instead of the app');
  const cli = join(projectRoot, 'build', 'run-cli.mjs');
  return exitOf(spawn(process.execPath, [cli, 'demo'], { stdio: 'inherit' }));
}

/** The child's exit code, 128 + signal where a signal ended it; what stops this process stops the child. */
function exitOf(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
