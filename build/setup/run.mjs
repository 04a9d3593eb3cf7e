import { spawnSync } from 'node:child_process';

/**
 * Runs a program to its end, its output on stderr when `show` is set. Never throws.
 * @returns {{ ok: boolean, stdout: string, reason: string }} `reason`: the last line of stderr, or why it did not start
 */
export function run(command, args, { show = false, ...options } = {}) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', show ? 2 : 'pipe', show ? 2 : 'pipe'],
    ...options,
  });
  const ended = result.signal ? `ended by ${result.signal}` : `exit code ${result.status}`;
  const lastLine = (result.stderr ?? '').trim().split('\n').at(-1);
  const reason = result.error?.message ?? (lastLine || ended);
  return { ok: result.status === 0, stdout: result.stdout ?? '', reason: `${command}: ${reason}` };
}

/** npm as a command line: on Windows it is a batch file that only a shell can start. */
export function npm(args, options) {
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}
