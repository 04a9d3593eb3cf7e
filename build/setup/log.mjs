/** Set-up talks on stderr only: `npm run -s quarrel -- … --json` owns stdout. */
export function say(line) {
  process.stderr.write(`quarrel: ${line}\n`);
}

/** An expected failure: printed as one line, without a stack. */
export class SetupError extends Error {}
