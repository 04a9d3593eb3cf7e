import { QuarrelError } from '../base/errors';
import type { TraceSink } from '../trace/trace';
import type { ShaderSource } from './compose-shader';
import type { GpuSession } from './gpu-session';
import { DeviceLostError } from './gpu-session';
import { GpuStates } from './gpu-states';
import { GraphRun } from './graph-run';
import { PipelineCache } from './pipeline-cache';
import type { GpuRunRequest } from './run-request';
import { WeightBudget } from './weight-budget';
import { WeightCache } from './weight-cache';

export interface WebGpuLaneOptions {
  /** Opens a device; called once at first use and again after a loss. The lane owns what it returns. */
  readonly open: () => Promise<GpuSession>;
  readonly shaders: ShaderSource;
  /** As the user writes it: `webgpu`, `webgpu@DIR`. */
  readonly label: string;
  /** Adapter and kernel set. */
  readonly provenance: Readonly<Record<string, string>>;
  /** Limits the weights kept on the device; may be shared with other lanes. A default of its own when absent. */
  readonly weightBudget?: WeightBudget;
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
 * A `GraphLane` (divergence/lane.ts) that runs captured graphs as WGSL kernels. One run at a time; runs that overlap
 * wait for each other.
 */
export class WebGpuLane {
  readonly label: string;
  readonly provenance: Readonly<Record<string, string>>;
  private readonly weightBudget: WeightBudget;
  private engine: Engine | undefined;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly options: WebGpuLaneOptions) {
    this.label = options.label;
    this.provenance = options.provenance;
    this.weightBudget = options.weightBudget ?? new WeightBudget(DEFAULT_WEIGHT_BUDGET);
  }

  begin(): WebGpuSequence {
    return new WebGpuSequence(this.label, {
      open: (request) => this.open(request),
      lost: () => this.close(),
      inTurn: (work) => {
        const result = this.last.then(work);
        this.last = result.then(
          () => undefined,
          () => undefined,
        );
        return result;
      },
    });
  }

  async dispose(): Promise<void> {
    await this.last;
    this.close();
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
    return new WeightCache(session, this.weightBudget);
  }

  private close(): void {
    this.engine?.weights.dispose();
    this.engine?.session.dispose();
    this.engine = undefined;
  }
}

/** What a sequence needs of its lane. */
interface Host {
  open(request: GpuRunRequest): Promise<Engine>;
  /** The device is gone: the next `open` makes another. */
  lost(): void;
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

/** A `LaneSequence`: runs on one device that share its states. */
class WebGpuSequence {
  /** What has run so far: a lost device takes the states with it, and only running again brings them back. */
  private readonly history: GpuRunRequest[] = [];
  private states: { readonly session: GpuSession; readonly memory: GpuStates } | undefined;

  constructor(
    private readonly label: string,
    private readonly host: Host,
  ) {}

  /** A lost device is replaced once and everything repeated; what was delivered before is not delivered again. */
  run(request: GpuRunRequest): Promise<void> {
    return this.host.inTurn(async () => {
      await this.runTwice({ ...request, sink: deliverOnce(request.sink) });
      this.history.push({ ...request, sink: SILENT });
    });
  }

  dispose(): Promise<void> {
    return this.host.inTurn(() => {
      this.states?.memory.dispose();
      this.states = undefined;
      return Promise.resolve();
    });
  }

  private async runTwice(request: GpuRunRequest): Promise<void> {
    try {
      await this.runOnce(request);
    } catch (first) {
      if (!(first instanceof DeviceLostError)) throw first;
      this.host.lost();
      try {
        await this.runOnce(request);
      } catch (second) {
        if (!(second instanceof DeviceLostError)) throw second;
        this.host.lost();
        throw new QuarrelError(`${this.label}: the GPU device was lost twice: ${first.message}; ${second.message}`);
      }
    }
  }

  private async runOnce(request: GpuRunRequest): Promise<void> {
    const engine = await this.host.open(request);
    const { session, pipelines, weights } = engine;
    if (this.states?.session !== session) {
      const memory = new GpuStates(session);
      this.states = { session, memory };
      for (const earlier of this.history) {
        await session.guard(new GraphRun(session, pipelines, weights, memory, earlier).run());
      }
    }
    await session.guard(new GraphRun(session, pipelines, weights, this.states.memory, request).run());
  }
}

const SILENT: TraceSink = { write: () => undefined, time: () => undefined, notMeasured: () => undefined };

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
