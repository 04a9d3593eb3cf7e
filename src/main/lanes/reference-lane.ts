import type { GraphLane } from '../../shared/divergence/lane';
import { executeGraph } from '../../shared/ops/executor';
import { StateMemories } from '../../shared/ops/state-memories';
import { withEngine } from './reference-run';

export interface ReferenceLaneOptions {
  /** Worker threads; as many as the machine runs at once when absent. */
  readonly threads?: number;
}

/** The exact CPU reference as a lane. Needs no dispose of its own: every run ends its workers. */
export function createReferenceLane({ threads }: ReferenceLaneOptions = {}): GraphLane {
  return {
    label: 'reference',
    provenance: { arithmetic: 'exact: f64 products and sums, one rounding to f32', decoder: 'scalar' },
    begin: () => {
      const states = new StateMemories();
      return {
        run: (request) =>
          withEngine(request.weights, request.control, threads, (engine) =>
            executeGraph(
              { ...request, states },
              {
                arithmetics: ['exact'],
                engine,
                clock: () => performance.now() * 1000,
                onNode: ({ tensor, results, microseconds }) => {
                  request.sink.write(tensor.key, 'F32', tensor.ne, results.exact);
                  request.sink.time(tensor.key, microseconds);
                },
                onNotMeasured: (tensor, reason) =>
                  request.sink.notMeasured({ node: tensor.key, op: tensor.kind, reason }),
              },
            ),
          ),
        dispose: () => Promise.resolve(),
      };
    },
    dispose: () => Promise.resolve(),
  };
}
