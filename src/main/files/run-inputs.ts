/** Which files a run reads: none of them may be written, and none may change meanwhile. */
import fs from 'node:fs';
import path from 'node:path';

import { assertUnreachable } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { parseLane } from '../../shared/divergence/lane-spec';
import { parseShardName, shardPaths } from '../../shared/gguf/shard-names';

export interface RunInputs {
  readonly models?: readonly string[];
  /** LANEs, as the user gives them. */
  readonly lanes?: readonly string[];
  /** Anything else: maps, suites, traces. */
  readonly files?: readonly string[];
  /** Whose files are read, not those of folders in them. */
  readonly folders?: readonly string[];
}

/** The paths that were named, as they were named; nothing is looked up. */
export function namedPaths({ models = [], lanes = [], files = [], folders = [] }: RunInputs): readonly string[] {
  return [
    ...models,
    ...lanes.flatMap((lane) => Object.values(pathsOfLane(lane)).flat() as string[]),
    ...files,
    ...folders,
  ];
}

/** The files themselves: every shard of a model, what lies in overlays and library folders. */
export function inputFiles({ models = [], lanes = [], files = [], folders = [] }: RunInputs): readonly string[] {
  const ofLanes = lanes.map(pathsOfLane);
  return [
    ...models.flatMap(modelFilesOf),
    ...files,
    ...ofLanes.flatMap((lane) => lane.files),
    ...[...folders, ...ofLanes.flatMap((lane) => lane.folders)].flatMap((folder) => filesIn(folder)),
    ...ofLanes.flatMap((lane) => lane.overlays).flatMap(shadersIn),
  ];
}

/** A model's own files, those of its shards that are there. */
export function modelFilesOf(model: string): readonly string[] {
  try {
    const shard = parseShardName(model);
    const others = shard ? shardPaths(shard).filter((file) => file !== model && fs.existsSync(file)) : [];
    return [model, ...others];
  } catch (e) {
    // A name that looks like a shard's and is none.
    if (e instanceof QuarrelError) return [model];
    throw e;
  }
}

/** Dumps of a lane: what it brings instead of running. */
export function dumpsOf(lane: string): readonly string[] {
  const spec = parseLane(lane);
  return spec.kind === 'trace' ? [spec.path] : [];
}

interface LanePaths {
  readonly files: readonly string[];
  /** Folders whose files are read. */
  readonly folders: readonly string[];
  /** Folders of shaders, read with those below. */
  readonly overlays: readonly string[];
}

const NONE: LanePaths = { files: [], folders: [], overlays: [] };

function pathsOfLane(lane: string): LanePaths {
  const spec = parseLane(lane);
  switch (spec.kind) {
    case 'reference':
      return NONE;
    case 'trace':
      return { ...NONE, files: [spec.path] };
    case 'webgpu':
      return { ...NONE, overlays: spec.overlay === undefined ? [] : [spec.overlay] };
    case 'llama': {
      const { directory } = spec;
      if (directory === undefined) return NONE;
      return { ...NONE, folders: [directory, path.join(directory, 'lib'), path.join(directory, 'bin')] };
    }
    case 'cmd':
      return { ...NONE, files: spec.command.words.filter((word) => path.basename(word) !== word) };
    case 'place': {
      const placed = spec.rules.map((rule) => pathsOfLane(rule.lane));
      return { ...NONE, overlays: placed.flatMap((p) => p.overlays) };
    }
    default:
      return assertUnreachable(spec);
  }
}

function filesIn(folder: string, recursive = false): readonly string[] {
  try {
    return fs.readdirSync(folder, { recursive, encoding: 'utf8' }).map((name) => path.join(folder, name));
  } catch {
    return []; // whoever reads it says what is wrong with it
  }
}

function shadersIn(overlay: string): readonly string[] {
  return filesIn(overlay, true).filter((file) => file.endsWith('.wgsl'));
}
