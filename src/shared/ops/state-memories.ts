import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { Graph } from '../graph/graph';
import { isLeftFromBefore, outlivesGraph, stateName } from '../graph/graph';
import { allocateLocal, Memory } from './memory';
import type { Track } from './run-memory';
import { dimsText, spanBytes } from './tensor-shape';

/**
 * What outlives one graph of a sequence: KV cache, recurrent state and carried values by name, for each arithmetic, and
 * which of them an unmeasured node should have written. Empty at first: states start as zeros.
 */
export class StateMemories {
  private readonly tracks: Map<string, Memory>[] = [];
  private readonly unknown = new Set<string>();

  /**
   * The same states in memory of their own: a run on the copy leaves these as they are.
   * @param track only that of this arithmetic, by its place in the runs before; all when absent
   */
  clone(track?: number): StateMemories {
    const copy = new StateMemories();
    for (const memories of track === undefined ? this.tracks : [this.tracks[track] ?? []]) {
      copy.tracks.push(new Map([...memories].map(([name, memory]) => [name, memory.clone(allocateLocal)])));
    }
    for (const name of this.unknown) copy.unknown.add(name);
    return copy;
  }

  /** The same states in every one of `tracks` arithmetics, from bytes by name. */
  static of(contents: ReadonlyMap<string, Uint8Array>, tracks: number): StateMemories {
    const states = new StateMemories();
    for (let track = 0; track < tracks; track++) {
      states.tracks.push(new Map([...contents].map(([name, bytes]) => [name, Memory.of(bytes, allocateLocal)])));
    }
    return states;
  }

  /** Bytes of a state in one arithmetic, by its place in the runs before; undefined where nothing was written yet. */
  contents(name: string, track: number): Uint8Array | undefined {
    return this.tracks[track]?.get(name)?.u8;
  }

  /** Hands the states over to the tracks of a run. @returns ids of states whose content nobody knows */
  load(graph: Graph, tracks: readonly Track[]): readonly NodeId[] {
    const states = graph.tensors.filter(isLeftFromBefore);
    tracks.forEach((track, i) => {
      for (const t of states) {
        const memory = this.tracks[i]?.get(stateName(t));
        if (!memory) continue;
        if (memory.u8.length < spanBytes(t)) {
          throw new QuarrelError(
            `state ${stateName(t)} has ${memory.u8.length} bytes; this step's ${t.type} ${dimsText(t.ne)} needs ${spanBytes(t)}`,
          );
        }
        track.memories.set(t.id, memory);
      }
    });
    return states.filter((t) => this.unknown.has(stateName(t))).map((t) => t.id);
  }

  /** Takes the states back at the end of a run. */
  save(graph: Graph, tracks: readonly Track[], unknown: ReadonlySet<NodeId>): void {
    for (const t of graph.tensors) {
      if (!outlivesGraph(t)) continue;
      if (unknown.has(t.id)) this.unknown.add(stateName(t));
      tracks.forEach((track, i) => {
        const memory = track.memories.get(t.id);
        if (memory) (this.tracks[i] ??= new Map()).set(stateName(t), memory);
      });
    }
  }
}
