/**
 * `npm run fuzz -- --minutes N [--seed N] [--target NAME]`: damaged files of every kind for the readers of this program
 * (test/fuzz); with `--differential N` GGUF headers for libggml's own reader beside ours. Watches the process that does it: one that says nothing for a minute hangs.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { bundleMain } from './bundle.mjs';
import { projectRoot } from './project-root.mjs';

const HANGS_AFTER_MS = 60_000;
const HEAP_MIB = 1024;

if (process.send) {
  const main = join(projectRoot, 'test', 'fuzz', 'main.ts');
  const { module } = await runnerImport(main, { configFile: false, root: projectRoot, logLevel: 'error' });
  const say = (line) => process.stdout.write(`${line}\n`);
  const fine = await module.fuzz(process.argv.slice(2), say, (where) => process.send({ where }));
  process.exitCode = fine ? 0 : 1;
  process.disconnect();
} else {
  await bundleMain();
  const execArgv = [`--max-old-space-size=${HEAP_MIB}`];
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { execArgv });
  let [where, at] = ['the start', Date.now()];
  child.on('message', (message) => ([where, at] = [message.where, Date.now()]));
  const watch = setInterval(() => {
    if (Date.now() - at < HANGS_AFTER_MS) return;
    process.stdout.write(`hangs: ${where}\n`);
    child.kill('SIGKILL');
  }, 1000);
  child.on('exit', (code, signal) => {
    clearInterval(watch);
    if (signal) process.stdout.write(`ended by ${signal}: ${where}\n`);
    process.exitCode = code ?? 1;
  });
}
