import { QuarrelError } from '../base/errors';
import type { TraceSink } from '../trace/trace';
import type { ShaderSource } from './compose-shader';
import type { GpuSession } from './gpu-session';
import { DeviceLostError } from './gpu-session';
import { GraphRun } from './graph-run';
import { PipelineCache } from './pipeline-cache';
import type { GpuRunRequest } from './run-request';
import { WeightCache } from './weight-cache';

export interface WebGpuLaneOptions {
  /** Opens a device; called once at first use and again after a loss. The lane owns what it returns. */
  readonly open: () => Promise<GpuSession>;
  readonly shaders: ShaderSource;
  /** As the user writes it: `webgpu`, `webgpu@DIR`. */
  readonly label: string;
  /** Adapter and kernel set. */
  readonly provenance: Readonly<Record<string, string>>;
  /** Bytes of weights kept on the device between uses; a node's own weights are always there while it runs. */
  readonly weightBudgetBytes?: number;
}

const DEFAULT_WEIGHT_BUDGET = 1 << 30;

/** What lives as long as one device. */
interface Engine {
  readonly session: GpuSession;
  readonly pipelines: PipelineCache;
  readonly weights: WeightCache;
  /** The model whose weights are cached. */
  readonly source: GpuRunRequest['weights'];
}

/**
 * A `GraphLane` (divergence/lane.ts) that runs a captured graph as WGSL kernels. One run at a time; runs that overlap
 * wait for each other.
 */
export class WebGpuLane {
  readonly label: string;
  readonly provenance: Readonly<Record<string, string>>;
  private engine: Engine | undefined;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly options: WebGpuLaneOptions) {
    this.label = options.label;
    this.provenance = options.provenance;
  }

  /** A lost device is replaced once and the run repeated; what was delivered before is not delivered again. */
  run(request: GpuRunRequest): Promise<void> {
    const result = this.last.then(() => this.runTwice(request));
    this.last = result.catch(() => undefined);
    return result;
  }

  async dispose(): Promise<void> {
    await this.last;
    this.close();
  }

  private async runTwice(request: GpuRunRequest): Promise<void> {
    const once = { ...request, sink: deliverOnce(request.sink) };
    try {
      await this.runOn(await this.open(request), once);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      this.close();
      await this.repeat(once, error);
    }
  }

  private async repeat(request: GpuRunRequest, first: DeviceLostError): Promise<void> {
    try {
      await this.runOn(await this.open(request), request);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      this.close();
      throw new QuarrelError(`${this.label}: the GPU device was lost twice: ${first.message}; ${error.message}`);
    }
  }

  private async runOn({ session, pipelines, weights }: Engine, request: GpuRunRequest): Promise<void> {
    await session.guard(new GraphRun(session, pipelines, weights, request).run());
  }

  private async open(request: GpuRunRequest): Promise<Engine> {
    if (this.engine && this.engine.source !== request.weights) {
      this.engine.weights.dispose();
      this.engine = { ...this.engine, weights: this.newWeights(this.engine.session), source: request.weights };
    }
    if (!this.engine) {
      const session = await this.options.open();
      const pipelines = new PipelineCache(session, this.options.shaders);
      this.engine = { session, pipelines, weights: this.newWeights(session), source: request.weights };
    }
    return this.engine;
  }

  private newWeights(session: GpuSession): WeightCache {
    return new WeightCache(session, this.options.weightBudgetBytes ?? DEFAULT_WEIGHT_BUDGET);
  }

  private close(): void {
    this.engine?.weights.dispose();
    this.engine?.session.dispose();
    this.engine = undefined;
  }
}

/** Passes each entry on once: a repeated run produces the first ones again. */
function deliverOnce(sink: TraceSink): TraceSink {
  const seen = new Set<string>();
  const first = (kind: string, key: string): boolean => {
    const id = `${kind} ${key}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  };
  return {
    write: (key, dtype, ne, data) => {
      if (first('write', key)) sink.write(key, dtype, ne, data);
    },
    time: (key, microseconds) => {
      if (first('time', key)) sink.time(key, microseconds);
    },
    notMeasured: (entry) => {
      if (first('notMeasured', entry.node)) sink.notMeasured(entry);
    },
  };
}
