/** Dumps of engines with a reported bug, and of right ones, beside the checkout; and changed copies of them. */
import fs from 'node:fs';
import path from 'node:path';

import { findFirstBad } from '../../src/main/jobs/find-first-bad';
import type { Engines } from '../../src/main/jobs/produce-trace';
import { readNameMap } from '../../src/main/jobs/produce-trace';
import { TraceFile } from '../../src/main/traces/trace-file';
import { projectRoot } from '../../src/main/entry-path';
import { Control } from '../../src/shared/base/control';
import type { Verdict } from '../../src/shared/divergence/verdict';
import type { TraceEntry } from '../../src/shared/trace/trace';
import { sharedPath } from './shared-files';

export const SPECIMEN = path.join(projectRoot(), 'resources', 'specimen', 'quarrel-specimen.Q4_K_M.gguf');

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };

/** The dump in reported/ whose name begins so; undefined where it is not there. */
export function reported(folder: string, prefix: string): string | undefined {
  const dir = sharedPath(path.join('reported', folder));
  const found = fs.existsSync(dir) ? fs.readdirSync(dir).find((name) => name.startsWith(prefix)) : undefined;
  return found === undefined ? undefined : path.join(dir, found);
}

/** Judges a dump on its own tokens. */
export function judgeDump(modelPath: string, dump: string, map?: string): Promise<Verdict> {
  const file = TraceFile.open(dump);
  const { tokens, stepTokens } = file;
  file.dispose();
  return findFirstBad(
    {
      modelPath,
      prompt: { kind: 'tokens', tokens },
      reference: 'llama',
      candidate: `trace:${dump}`,
      ...(stepTokens.length > 0 ? { stepTokens: stepTokens.flat() } : {}),
      ...(map === undefined ? {} : { map: readNameMap(map) }),
    },
    noGpu,
    new Control(() => undefined),
  );
}

export interface Changed {
  readonly key?: string;
  readonly shape?: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/**
 * A copy of a dump with other values, names or shapes at some checkpoints; integers stay integers.
 * @param change `undefined` leaves the checkpoint out, `true` keeps it
 */
export function changedDump(
  from: string,
  out: string,
  change: (key: string, values: Float32Array, entry: TraceEntry) => Changed | true | undefined,
): string {
  const file = TraceFile.open(from);
  const header: Record<string, unknown> = {
    __metadata__: {
      tokens: JSON.stringify(file.tokens),
      steps: JSON.stringify(file.stepTokens.flat()),
      engine: 'changed',
    },
  };
  const data: Uint8Array[] = [];
  let end = 0;
  for (const entry of file.entries.values()) {
    const values = file.readF32(entry.key);
    const changed = change(entry.key, values, entry);
    if (changed === undefined) continue;
    const { key, shape, values: own } = changed === true ? { values, ...noChange } : { ...noChange, ...changed };
    const isInteger = entry.dtype === 'I32';
    const bytes = isInteger ? Int32Array.from(own) : Float32Array.from(own);
    header[key ?? entry.key] = {
      dtype: isInteger ? 'I32' : 'F32',
      shape: shape ?? entry.shape,
      data_offsets: [end, end + bytes.byteLength],
    };
    end += bytes.byteLength;
    data.push(new Uint8Array(bytes.buffer));
  }
  file.dispose();
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  fs.writeFileSync(out, Buffer.concat([size, padded, ...data]));
  return out;
}

const noChange: { readonly key?: string; readonly shape?: readonly number[] } = {};
