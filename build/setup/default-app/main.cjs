/**
 * What `electron PATH` does: preloads the modules given by `-r FILE` and runs the package or script in the first path
 * argument. Stands in for the default app of a regular Electron dist, whose command line it follows.
 */
const { app } = require('electron');
const { existsSync, readFileSync, statSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

function parse(args) {
  const preload = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (arg === '-r' || arg === '--require') preload.push(args[++index]);
    else if (!arg.startsWith('-')) return { preload, target: arg };
  }
  return { preload, target: undefined };
}

/** Gives the app the identity that its package.json states, as if it had been started from its own folder. */
function adopt(folder) {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return;
  const { name, productName, version } = JSON.parse(readFileSync(file, 'utf8'));
  if (version) app.setVersion(version);
  if (productName ?? name) {
    app.setName(productName ?? name);
    app.setPath('userData', join(app.getPath('appData'), productName ?? name));
  }
  app.setAppPath(folder);
}

const { preload, target } = parse(process.argv.slice(1));
if (target === undefined) {
  process.stderr.write('usage: electron [-r FILE] PATH\n');
  process.exit(1);
}
process.defaultApp = true;
const path = resolve(target);
adopt(existsSync(path) && statSync(path).isDirectory() ? path : dirname(path));
for (const file of preload) require(resolve(file));
require(path);
