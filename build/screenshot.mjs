/** Puts the README's picture in place: `npm run screenshot` after `npm run test:e2e`, whose tests take it. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.mjs';

const taken = join(projectRoot, 'test-results', 'screenshots', 'timeline-dark.png');

if (existsSync(taken)) {
  mkdirSync(join(projectRoot, 'docs'), { recursive: true });
  copyFileSync(taken, join(projectRoot, 'docs', 'screenshot.png'));
} else {
  process.stderr.write(`${taken} is missing: run "npm run test:e2e" first\n`);
  process.exitCode = 1;
}
