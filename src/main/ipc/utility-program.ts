import { constants } from 'node:os';
import readline from 'node:readline';
import { utilityProcess } from 'electron';
import { entryPath } from '../entry-path';
import type { UtilityMessage } from '../processes/parent-link';
import type { Ending, Environment, Program, ProgramEntry, ProgramListener } from '../processes/program';

/** How long the last lines of an ended process are waited for. */
const PIPE_MS = 300;

/** In the app: starts a bundle as one of Electron's utility processes. Throws QuarrelError when it is not built. */
export function startUtilityProgram(entry: ProgramEntry, env: Environment, listener: ProgramListener): Program {
  const child = utilityProcess.fork(entryPath(entry), [], {
    env: { ...env },
    execArgv: [],
    serviceName: `Quarrel ${entry}`,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let announced: number | undefined;
  let state: 'starting' | 'runs' | 'kill at start' | 'gone' = 'starting';
  child.on('message', (message: UtilityMessage) => {
    if ('exits' in message) announced = message.exits;
    else listener.message(message.said);
  });
  const killNow = (): void => {
    // Its own kill() is a SIGTERM.
    try {
      if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL');
    } catch {
      // It is gone, and Electron is about to say so.
    }
  };
  child.once('spawn', () => {
    if (state === 'kill at start') killNow();
    state = 'runs';
  });
  const lines = new Promise<void>((resolve) => {
    if (!child.stderr) return resolve();
    const reader = readline.createInterface({ input: child.stderr });
    reader.on('line', (line) => listener.line(line));
    reader.once('close', resolve);
  });
  child.once('exit', (status) => {
    state = 'gone';
    const late = new Promise((resolve) => setTimeout(resolve, PIPE_MS));
    void Promise.race([lines, late]).then(() => listener.end(endingOf(announced, status)));
  });
  return {
    post: (message) => {
      if (state !== 'gone') child.postMessage(message);
    },
    kill: () => {
      if (state === 'starting') state = 'kill at start';
      else if (state === 'runs') killNow();
    },
  };
}

/** @param status what Electron knows: of a killed process the signal's number, or 0 where it saw too little */
function endingOf(announced: number | undefined, status: number): Ending {
  if (announced !== undefined) return { kind: 'exited', code: announced };
  const signal = Object.entries(constants.signals).find(([, number]) => number === (status & 0x7f))?.[0];
  return { kind: 'killed', ...(signal === undefined ? {} : { signal: signal as NodeJS.Signals }) };
}
