import { QuarrelError } from '../../shared/base/errors';
import type { GraphLane } from '../../shared/divergence/lane';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane } from '../../shared/divergence/lane-spec';
import { placedLane } from '../../shared/divergence/placed-lane';
import type { WeightBudget } from '../../shared/gpu/weight-budget';
import type { NameMap } from '../../shared/trace/name-map';
import { parseNameMap } from '../../shared/trace/name-map';
import { readText } from '../files/open-regular';
import { createReferenceLane } from '../lanes/reference-lane';

/** Limits that the lanes of a run keep to. */
export interface LaneLimits {
  /** Weights that they hold on devices, all lanes together; each lane's own default when absent. */
  readonly weightBudget?: WeightBudget;
}

/** What this process can run; the CLI gives Dawn for Node, the app its GPU window. */
export interface Engines {
  webgpuLane(overlay?: string, limits?: LaneLimits): Promise<GraphLane>;
}

/** A lane that executes the captured graph itself. */
export type OwnLane = Extract<LaneSpec, { kind: 'reference' | 'webgpu' | 'place' }>;
/** A lane whose results come as a finished trace. */
export type DumpLane = Exclude<LaneSpec, OwnLane>;

export function isOwnLane(spec: LaneSpec): spec is OwnLane {
  return spec.kind === 'reference' || spec.kind === 'webgpu' || spec.kind === 'place';
}

export async function openOwnLane(spec: OwnLane, engines: Engines, limits: LaneLimits = {}): Promise<GraphLane> {
  if (spec.kind === 'reference') return createReferenceLane();
  if (spec.kind === 'webgpu') return engines.webgpuLane(spec.overlay, limits);
  const lanes = new Map<string, GraphLane>();
  try {
    for (const { lane } of spec.rules) {
      if (lanes.has(lane)) continue;
      const placed = parseLane(lane);
      if (placed.kind !== 'reference' && placed.kind !== 'webgpu') {
        throw new QuarrelError(`layers are placed on reference or webgpu[@DIR], not on ${lane}`);
      }
      lanes.set(lane, await openOwnLane(placed, engines, limits));
    }
  } catch (e) {
    for (const lane of lanes.values()) await lane.dispose();
    throw e;
  }
  return placedLane([...lanes.keys()].join(' + '), spec.rules, lanes);
}

/** Reads a `--map` file. */
export function readNameMap(path: string): NameMap {
  return parseNameMap(readText(path, `the name map ${path}`), path);
}
