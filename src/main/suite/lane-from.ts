import path from 'node:path';

/** A lane of a suite with its paths made absolute: they are relative to the suite's folder. */
export function laneFrom(lane: string, folder: string): string {
  if (lane.startsWith('trace:')) return `trace:${path.resolve(folder, lane.slice('trace:'.length))}`;
  const at = /^(llama(?::\w+)?|webgpu)@(.+)$/s.exec(lane);
  if (at) return `${at[1]}@${path.resolve(folder, at[2]!)}`;
  return lane;
}
