import { defined } from '../base/assert';
import type { NodeId } from '../base/brand';
import type { Graph } from '../graph/graph';
import { tensorOf } from '../graph/graph';
import type { GraphPart } from '../graph/part';
import { carriedNodes, planPart } from '../graph/part';
import type { Checkpoints } from '../ops/run-memory';
import { shapeOfNe } from '../trace/safetensors';
import type { TraceDtype, TraceEntry, TraceSink } from '../trace/trace';
import { bytesToF32 } from '../trace/widen';
import type { GraphLane, LaneSequence, RunRequest } from './lane';
import type { PlacementRule } from './placement';
import { segmentsOf } from './placement';

/**
 * A lane made of others, each of which runs its layers: in a free run on the results of the lanes before it.
 * @param lanes by their LANE strings; disposed with this one
 */
export function placedLane(
  label: string,
  rules: readonly PlacementRule[],
  lanes: ReadonlyMap<string, GraphLane>,
): GraphLane {
  return {
    label,
    provenance: Object.fromEntries(
      [...lanes].flatMap(([name, lane]) => Object.entries(lane.provenance).map(([k, v]) => [`${name} ${k}`, v])),
    ),
    begin: () => new PlacedSequence(rules, lanes),
    dispose: async () => {
      for (const lane of lanes.values()) await lane.dispose();
    },
  };
}

interface LanePart {
  readonly lane: string;
  readonly part: GraphPart;
}

class PlacedSequence implements LaneSequence {
  private readonly sequences = new Map<string, LaneSequence>();

  constructor(
    private readonly rules: readonly PlacementRule[],
    private readonly lanes: ReadonlyMap<string, GraphLane>,
  ) {}

  async run(request: RunRequest): Promise<void> {
    const { graph, mode, sink } = request;
    const within = request.part?.runs;
    const parts = segmentsOf(graph, this.rules).map(({ lane, nodes }) => {
      const wanted = within ? new Set([...nodes].filter((id) => within.has(id))) : nodes;
      return { lane, part: planPart(graph, wanted), wanted };
    });
    const working = parts.filter(({ wanted }) => wanted.size > 0);
    const runs = [...working, ...this.carryOver(graph, working)];
    const handed = new HandedOver(
      graph,
      runs.map(({ part }) => part),
      request.part?.values ?? request.captured,
    );
    for (const { lane, part } of runs) {
      await this.sequence(lane).run({
        ...request,
        sink: handed.tee(sink),
        // A seeded run takes the seed's values everywhere, here too.
        part: mode.kind === 'free' ? { ...part, values: handed } : part,
      });
    }
  }

  async dispose(): Promise<void> {
    for (const sequence of this.sequences.values()) await sequence.dispose();
  }

  /** Every lane gets the values that later graphs read and that another lane computed. */
  private carryOver(graph: Graph, runs: readonly LanePart[]): readonly LanePart[] {
    const carried = carriedNodes(graph);
    return [...this.lanes.keys()].flatMap((lane) => {
      const own = runs.filter((run) => run.lane === lane);
      const given = carried.filter((id) => !own.some(({ part }) => part.runs.has(id)));
      return given.length === 0 ? [] : [{ lane, part: { runs: new Set<NodeId>(), given: new Set(given) } }];
    });
  }

  private sequence(name: string): LaneSequence {
    let sequence = this.sequences.get(name);
    if (!sequence) {
      sequence = defined(this.lanes.get(name), `lane ${name}`).begin();
      this.sequences.set(name, sequence);
    }
    return sequence;
  }
}

/** Results that one segment leaves to those after it, in memory: the residual stream and little else. */
class HandedOver implements Checkpoints {
  readonly label = 'the lanes before';
  readonly entries = new Map<string, TraceEntry>();
  private readonly wanted: ReadonlySet<string>;
  private readonly values = new Map<string, { readonly dtype: TraceDtype; readonly bytes: Uint8Array }>();

  /** @param before values of what no segment computes */
  constructor(
    graph: Graph,
    parts: readonly GraphPart[],
    private readonly before: Checkpoints,
  ) {
    this.wanted = new Set(parts.flatMap(({ given }) => [...given].map((id) => tensorOf(graph, id).key)));
    for (const key of this.wanted) {
      const entry = before.entries.get(key);
      if (entry) this.entries.set(key, { ...entry, key, dtype: entry.dtype as TraceDtype });
    }
  }

  tee(sink: TraceSink): TraceSink {
    return {
      write: (key, dtype, ne, data) => {
        if (this.wanted.has(key)) {
          this.entries.set(key, { key, dtype, shape: shapeOfNe(ne) });
          this.values.set(key, { dtype, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() });
        }
        sink.write(key, dtype, ne, data);
      },
      time: (key, microseconds) => sink.time(key, microseconds),
      notMeasured: (entry) => sink.notMeasured(entry),
    };
  }

  readF32(key: string): Float32Array {
    const own = this.values.get(key);
    return own ? bytesToF32(own.dtype, own.bytes) : this.before.readF32(key);
  }

  readRaw(key: string): Uint8Array {
    return this.values.get(key)?.bytes.slice() ?? this.before.readRaw(key);
  }
}
