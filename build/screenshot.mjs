/** Puts the README's pictures in place: `npm run screenshot` after `npm run test:e2e`, whose tests take them. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.mjs';

/** Picture of the documentation → picture of the tests. */
const pictures = {
  welcome: 'welcome-dark-1440',
  timeline: 'specimen-timeline-light',
  verdict: 'specimen-verdict-light',
  plots: 'wizard-plots-dark',
  rounded: 'wizard-rounded-light',
};

const folder = join(projectRoot, 'docs', 'pictures');
const taken = (name) => join(projectRoot, 'test-results', 'screenshots', `${name}.png`);
const missing = Object.values(pictures).filter((name) => !existsSync(taken(name)));

if (missing.length === 0) {
  mkdirSync(folder, { recursive: true });
  for (const [name, from] of Object.entries(pictures)) copyFileSync(taken(from), join(folder, `${name}.png`));
} else {
  process.stderr.write(`${missing.map(taken).join(', ')}: missing; run "npm run test:e2e" first\n`);
  process.exitCode = 1;
}
