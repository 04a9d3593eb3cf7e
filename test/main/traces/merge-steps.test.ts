import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { mergeSteps } from '../../../src/main/traces/merge-steps';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import type { Graph } from '../../../src/shared/graph/graph';
import { stepsOf, stepView } from '../../../src/shared/trace/steps';
import { layeredGraph } from '../../shared/ops/layered-graph';

let folder: string;
const open: TraceFile[] = [];
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'merge-test-'));
});
afterAll(() => {
  for (const trace of open) trace.dispose();
  fs.rmSync(folder, { recursive: true });
});

const at = (name: string): string => path.join(folder, `${name}.safetensors`);

function opened(file: string): TraceFile {
  const trace = TraceFile.open(file);
  open.push(trace);
  return trace;
}

/** A step as its lane writes it: checkpoints of every type, one that is empty, times, and a node that has no value. */
function stepTrace(step: number, tokens: readonly number[], graph?: Graph): TraceFile {
  const file = at(`step-${step}-${open.length}`);
  const writer = TraceWriter.create(file);
  writer.write('x-0', 'F32', [2, 3, 1, 1], Float32Array.of(step, -0, NaN, Infinity, 1e-40, 6));
  writer.write('half-0', 'F16', [2, 1, 1, 2], new Uint8Array(Uint16Array.of(0x3c00, 1, step, 0xffff).buffer));
  writer.write('leaf:ids', 'I64', [1, 1, 1, 1], new Uint8Array(BigInt64Array.of(BigInt(-step)).buffer));
  writer.write('none', 'F32', [0, 1, 1, 1], new Float32Array(0));
  writer.time('x-0', 10 + step);
  writer.notMeasured({ node: 'y', op: 'SSM_SCAN', reason: `step ${step}` });
  writer.finish({
    ...{ engine: 'lane', model: 'm.gguf', tokens, pieces: tokens.map((t) => `<${t}>`), provenance: { threads: '4' } },
    ...(step === 0 ? {} : { past: 2 + step }),
    ...(graph ? { graph } : {}),
  });
  return opened(file);
}

const [promptGraph, stepGraph] = [layeredGraph(3), layeredGraph(1)];

describe('mergeSteps', () => {
  it('gives back every step as it was', () => {
    const steps = [
      stepTrace(0, [1, 2, 3], promptGraph),
      stepTrace(1, [7], stepGraph),
      stepTrace(2, [8], stepGraph),
      stepTrace(3, [9], promptGraph),
    ];
    mergeSteps(steps, at('merged'));
    const merged = opened(at('merged'));
    expect(stepsOf(merged)).toBe(3);
    expect(merged.stepTokens).toEqual([[7], [8], [9]]);
    steps.forEach((step, i) => {
      const view = stepView(merged, i);
      expect([view.engine, view.tokens]).toEqual([step.engine, step.tokens]);
      const plain = ({ key, dtype, shape }: { key: string; dtype: string; shape: readonly number[] }) => [
        key,
        dtype,
        shape,
      ];
      expect([...view.entries.values()].map(plain)).toEqual([...step.entries.values()].map(plain));
      for (const key of step.entries.keys()) expect([key, view.readRaw(key)]).toEqual([key, step.readRaw(key)]);
      expect(view.manifest).toEqual(step.manifest);
    });
  });

  it('keeps equal graphs once', () => {
    const steps = [
      stepTrace(0, [1, 2, 3], promptGraph),
      stepTrace(1, [7], stepGraph),
      stepTrace(2, [8], stepGraph),
      stepTrace(3, [9], promptGraph),
    ];
    mergeSteps(steps, at('once'));
    const { manifest } = opened(at('once'));
    expect(manifest?.graph).toEqual(promptGraph);
    expect(manifest?.steps?.map(({ graph, sameGraphAs }) => [graph, sameGraphAs])).toEqual([
      [stepGraph, undefined],
      [undefined, 1],
      [undefined, 0],
    ]);
    const text = fs.readFileSync(at('once'), 'latin1');
    expect(text.split('result_norm').length - 1).toBe(2 * (JSON.stringify(stepGraph).split('result_norm').length - 1));
  });

  it('goes without graphs, as of lanes that have none', () => {
    mergeSteps([stepTrace(0, [1, 2]), stepTrace(1, [7])], at('plain'));
    const { manifest } = opened(at('plain'));
    expect(manifest).not.toHaveProperty('graph');
    expect(manifest?.steps).toEqual([{ tokens: [7], past: 3, pieces: ['<7>'] }]);
  });

  it('leaves nothing behind where a step cannot be read, and keeps an older file', () => {
    const gone = stepTrace(1, [7]);
    gone.dispose();
    fs.writeFileSync(at('older'), 'older');
    expect(() => mergeSteps([stepTrace(0, [1]), gone], at('older'))).toThrow('read of x-0 from a disposed trace');
    expect(fs.readFileSync(at('older'), 'utf8')).toBe('older');
    expect(fs.readdirSync(folder).filter((name) => !name.endsWith('.safetensors'))).toEqual([]);
    expect(() => mergeSteps([], at('empty'))).toThrow('no trace to write');
  });
});
