/**
 * Preloaded into the worker threads of early-end.ts: a koffi that initialises until the threads are about to be ended,
 * and a little longer, as on a busy machine. What is hit by chance is then hit for sure.
 */
const { getEnvironmentData, isMainThread } = require('node:worker_threads');
const koffi = require('koffi');

const STILL_MS = 50;
const members = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`member${i}`, 'int']));

const state = getEnvironmentData('slow-koffi');
// Node's own threads, of which module loaders have one, do not get it.
if (!isMainThread && state !== undefined) {
  Atomics.add(state, 0, 1);
  while (Atomics.load(state, 1) === 0) koffi.struct(members);
  for (const end = performance.now() + STILL_MS; performance.now() < end;) koffi.struct(members);
}
