/** What another engine would dump, made of llama.cpp's own results: some of its nodes, changed where a test wants. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { captureTrace } from '../../src/main/capture/capture';
import { TraceFile } from '../../src/main/traces/trace-file';
import { TraceWriter } from '../../src/main/traces/trace-writer';
import { Control } from '../../src/shared/base/control';
import type { Graph, GraphTensor } from '../../src/shared/graph/graph';
import { isComputing } from '../../src/shared/graph/graph';

export class CapturedDump {
  private constructor(
    readonly folder: string,
    readonly model: string,
    readonly tokens: readonly number[],
    readonly graph: Graph,
    private readonly captured: TraceFile,
  ) {}

  static async of(model: string, tokens: readonly number[]): Promise<CapturedDump> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-dump-'));
    const out = path.join(folder, 'captured.safetensors');
    const { graph } = await captureTrace({ modelPath: model, tokens, out }, new Control(() => undefined));
    return new CapturedDump(folder, model, tokens, graph, TraceFile.open(out));
  }

  /** The computing nodes, in order. */
  get nodes(): readonly GraphTensor[] {
    return this.graph.order
      .map((id) => this.graph.tensors[id])
      .filter((t): t is GraphTensor => t !== undefined && isComputing(this.graph, t));
  }

  values(key: string): Float32Array<ArrayBuffer> {
    return this.captured.readF32(key);
  }

  /** @param change gives other values, or undefined to leave the node out; all as they are when absent */
  write(change: (node: GraphTensor, values: Float32Array) => Float32Array | undefined = (_, values) => values): string {
    const out = path.join(this.folder, `dump-${fs.readdirSync(this.folder).length}.safetensors`);
    const writer = TraceWriter.create(out);
    for (const node of this.nodes) {
      const values = change(node, this.values(node.key));
      if (values) writer.write(node.key, 'F32', node.ne, values);
    }
    writer.finish({ engine: 'another', model: this.model, tokens: this.tokens });
    return out;
  }

  dispose(): void {
    this.captured.dispose();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
