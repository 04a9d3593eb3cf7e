import os from 'node:os';

/**
 * What this process did not get of the machine from now on, though it was not idle: other processes, or other machines
 * on the same host. 0 for nothing, 1 for all of it. Ratios of alternating rounds stand some; what needs all cores to
 * itself, such as two threads against one, does not.
 */
export function watchOthers(): () => number {
  const idle = idleMilliseconds();
  const own = process.cpuUsage();
  const start = performance.now();
  return () => {
    const all = (performance.now() - start) * os.cpus().length;
    const { system, user } = process.cpuUsage(own);
    const others = all - (idleMilliseconds() - idle) - (system + user) / 1000;
    return Math.min(1, Math.max(0, others / all));
  };
}

/** Since the machine started, summed over its cores. */
function idleMilliseconds(): number {
  return os.cpus().reduce((sum, { times }) => sum + times.idle, 0);
}
