import fs from 'node:fs';
import path from 'node:path';
import { compareTraces } from '../../../src/main/jobs/compare-traces';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { Control } from '../../../src/shared/base/control';
import { foreignEntries, parseNameMap } from '../../../src/shared/trace/name-map';
import { graphOfStep, stepsOf, stepView } from '../../../src/shared/trace/steps';
import type { Chance } from '../chance';
import { mutateBytes } from '../mutate-bytes';
import { mutateJson } from '../mutate-json';
import type { Target } from '../run-target';
import type { Parts } from '../trace-parts';
import { assembled, partsOf, withDamagedManifest } from '../trace-parts';

function withDamagedHeader(parts: Parts, chance: Chance): Uint8Array {
  if (chance.oneIn(3)) {
    const whole = assembled(parts.header, parts.data);
    return mutateBytes(whole, chance, [{ at: 0, bytes: 8 }], whole.length - parts.data.length);
  }
  return assembled(mutateJson(parts.header, chance), parts.data);
}

/** All of a trace that anybody reads. */
function readWhole(file: string): void {
  const trace = TraceFile.open(file);
  try {
    for (let step = 0; step <= Math.min(stepsOf(trace), 3); step++) {
      const view = stepView(trace, step, trace.stepTokens[step - 1]);
      for (const key of view.entries.keys()) view.readF32(key);
      const graph = trace.manifest && graphOfStep(trace.manifest, step);
      if (graph) foreignEntries(view, graph);
    }
  } finally {
    trace.dispose();
  }
}

/**
 * @param captured a trace of Quarrel with its manifest and a decode step
 * @param foreign a dump without one
 */
export function traceTargets(folder: string, captured: string, foreign: string): readonly Target[] {
  const [ours, theirs] = [partsOf(captured), partsOf(foreign)];
  const file = path.join(folder, 'damaged.safetensors');
  const control = new Control(() => undefined);
  const written = (bytes: Uint8Array): string => {
    fs.writeFileSync(file, bytes);
    return file;
  };
  const compare = async (reference: string, candidate: string): Promise<void> => {
    await compareTraces({ reference, candidate, maxNmse: 1e-3 }, control);
  };
  const source = TraceFile.open(captured);
  const graph = source.manifest?.graph;
  if (!graph) throw new Error(`${captured} holds no graph`);
  const map = {
    'layers.{N}.q': { node: 'Qcur-{N}#0', channels: 'half-split-to-interleaved' },
    'layers.{N}.out': 'l_out-{N}',
    head: { node: 'result_output', transpose: true, scale: 2, heads: 'first' },
  };
  return [
    {
      name: 'safetensors: opened, tensors read',
      weight: 20,
      run: (chance) => readWhole(written(withDamagedHeader(theirs, chance))),
    },
    {
      name: 'manifest: opened, steps, names matched with its own graph',
      weight: 12,
      run: (chance) => readWhole(written(withDamagedManifest(ours, chance))),
    },
    {
      name: 'compare, damaged candidate',
      weight: 1,
      run: (chance) =>
        compare(
          captured,
          written(chance.oneIn(2) ? withDamagedManifest(ours, chance) : withDamagedHeader(theirs, chance)),
        ),
    },
    {
      name: 'compare, damaged reference',
      weight: 1,
      run: (chance) => compare(written(withDamagedManifest(ours, chance)), foreign),
    },
    {
      name: 'name map, and applied',
      weight: 10,
      run: (chance) => {
        foreignEntries(source, graph, parseNameMap(mutateJson(map, chance), 'map.json'));
      },
      dispose: () => source.dispose(),
    },
  ];
}
