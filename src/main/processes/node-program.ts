import { spawn } from 'node:child_process';
import readline from 'node:readline';

import { entryPath } from '../entry-path';
import type { Ending, Environment, Program, ProgramEntry, ProgramListener } from './program';

/** Under plain Node: starts the bundle of that name. Throws QuarrelError when it is not built. */
export function startNodeProgram(entry: ProgramEntry, env: Environment, listener: ProgramListener): Program {
  return startNodeFile(entryPath(entry), env, listener);
}

/** Runs a file in a Node process. What prevents that is told as the program's end. */
export function startNodeFile(path: string, env: Environment, listener: ProgramListener): Program {
  const child = spawn(process.execPath, [path], {
    env: { ...env },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    windowsHide: true,
  });
  let ended = false;
  const end = (ending: Ending): void => {
    if (ended) return;
    ended = true;
    listener.end(ending);
  };
  child.on('error', (e) => end({ kind: 'not-started', reason: e.message }));
  child.on('message', (message) => listener.message(message));
  // Comes once its pipes have ended, hence after its last message and line.
  child.on('close', (code, signal) =>
    end(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'killed', signal }),
  );
  // There is no pipe where no process could be started.
  const { stderr } = child as { readonly stderr: typeof child.stderr | undefined };
  if (stderr) readline.createInterface({ input: stderr }).on('line', (line) => listener.line(line));
  return {
    // A program that is gone is told by its end; the channel's own error adds nothing.
    post: (message) => {
      if (child.connected) child.send(message as object, () => undefined);
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
