/** Type-checks the four programs: the pure domain, Node, the windows, and the bridge between the two. */
import { join } from 'node:path';
import { projectRoot } from './project-root.mjs';
import { run } from './setup/run.mjs';

const bin = (name) => join(projectRoot, 'node_modules', name);
const checks = [
  [bin('typescript/bin/tsc'), 'src/shared/tsconfig.json'],
  [bin('typescript/bin/tsc'), 'tsconfig.node.json'],
  [bin('typescript/bin/tsc'), 'tsconfig.bridge.json'],
  [bin('vue-tsc/bin/vue-tsc.js'), 'tsconfig.web.json'],
];

for (const [checker, project] of checks) {
  const args = [checker, '-p', project, '--noEmit', '--pretty', 'false'];
  if (!run(process.execPath, args, { cwd: projectRoot, show: true }).ok) process.exitCode = 1;
}
