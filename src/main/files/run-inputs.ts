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
  return [...models, ...lanes.flatMap((lane) => Object.values(pathsOfLane(lane)).flat()), ...files, ...folders];
}

/** The files themselves: every shard of a model, what lies in overlays and library folders. */
export function inputFiles({ models = [], lanes = [], files = [], folders = [] }: RunInputs): readonly string[] {
  const ofLanes = lanes.map(pathsOfLane);
  return [
    ...models.flatMap(modelFilesOf),
    ...files,
    ...ofLanes.flatMap((lane) => lane.files),
    ...[...folders, ...ofLanes.flatMap((lane) => lane.folders)].flatMap(filesIn),
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

function pathsOfLane(lane: string): { readonly files: readonly string[]; readonly folders: readonly string[] } {
  const spec = parseLane(lane);
  switch (spec.kind) {
    case 'reference':
      return { files: [], folders: [] };
    case 'trace':
      return { files: [spec.path], folders: [] };
    case 'webgpu':
      return { files: [], folders: spec.overlay === undefined ? [] : shaderFolders(spec.overlay) };
    case 'llama': {
      const { directory } = spec;
      const folders =
        directory === undefined ? [] : [directory, path.join(directory, 'lib'), path.join(directory, 'bin')];
      return { files: [], folders };
    }
    case 'cmd':
      return { files: spec.command.words.filter((word) => path.basename(word) !== word), folders: [] };
    case 'place': {
      const placed = spec.rules.map((rule) => pathsOfLane(rule.lane));
      return { files: placed.flatMap((p) => p.files), folders: placed.flatMap((p) => p.folders) };
    }
    default:
      return assertUnreachable(spec);
  }
}

/** An overlay and the folders below it, where shaders lie. */
function shaderFolders(overlay: string): readonly string[] {
  return [overlay, ...['ops', 'quant', 'lib'].map((name) => path.join(overlay, name))];
}

function filesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).map((name) => path.join(folder, name));
  } catch {
    return []; // whoever reads it says what is wrong with it
  }
}
