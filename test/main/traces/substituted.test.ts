import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { substitutedReads } from '../../../src/main/traces/substituted';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import type { Dims } from '../../../src/shared/graph/graph';
import { GraphBuilder } from '../../shared/ops/graph-builder';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'substituted-'));
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

const NE: Dims = [4, 1, 1, 1];

it('names what reads the value of a node that was not measured, also through a view, and nothing beyond', () => {
  const b = new GraphBuilder();
  const x = b.leaf('input', 'x', NE);
  const odd = b.node('odd', 'OPT_STEP_ADAMW', NE, [x]);
  const view = b.node('view:odd', 'RESHAPE', NE, [odd], { viewOf: odd });
  const after = b.node('after', 'ADD', NE, [view, x]);
  b.node('later', 'ADD', NE, [after, x]);
  const file = path.join(folder, 'lane.safetensors');
  const writer = TraceWriter.create(file);
  for (const key of ['after', 'later']) writer.write(key, 'F32', NE, new Float32Array(4));
  writer.notMeasured({ node: 'odd', op: 'OPT_STEP_ADAMW', reason: 'not measured: OPT_STEP_ADAMW' });
  writer.finish({ engine: 'reference', model: 'm.gguf', tokens: [1], graph: b.build() });
  const trace = TraceFile.open(file);
  expect([...substitutedReads(trace)]).toEqual([['after', ['odd']]]);
  trace.dispose();
});
