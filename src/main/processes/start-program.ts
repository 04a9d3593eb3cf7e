import { startNodeProgram } from './node-program';
import type { StartProgram } from './program';

let start: StartProgram = startNodeProgram;

/** Starts a program the way that this process can: by itself under plain Node, through main in the app. */
export const startProgram: StartProgram = (entry, env, listener) => start(entry, env, listener);

/** For the entry of a process that cannot start others by itself. */
export function startProgramsWith(other: StartProgram): void {
  start = other;
}
