/**
 * Finds the smallest bad stretch of a candidate whose every dump costs a run, with as few checkpoints and runs as
 * possible. Pure: a run and its judgement are the caller's `probe`.
 */
import type { NodeId } from '../base/brand';

/** What is known of one checkpoint, judged with all that were dumped so far. */
export interface Checkpoint {
  /** Its local error, over the stretch since the nearest dumped checkpoints, stands above the noise floor. */
  readonly bad: boolean;
  /** Nodes of that stretch that are not dumped, in graph order; empty where the checkpoint stands alone. */
  readonly stretch: readonly NodeId[];
  /** Whether the whole run is off here, by inherited error; undefined between right and wrong. */
  readonly off: boolean | undefined;
}

export type Knowledge = ReadonlyMap<NodeId, Checkpoint>;

/**
 * Runs the candidate once for these nodes and judges all that are known by then. A node that is missing from the answer
 * is one that the candidate does not dump.
 */
export type Probe = (nodes: readonly NodeId[], run: number) => Promise<Knowledge>;

export interface SearchRequest {
  /** All nodes that may be asked for, in graph order. */
  readonly nodes: readonly NodeId[];
  /** Nodes whose results a node reads; what "later" means where branches lie side by side. */
  readonly sources: (node: NodeId) => readonly NodeId[];
  /** Checkpoints of one run while the search narrows down, at least 2. */
  readonly perRun: number;
  /** Checkpoints of one run of a scan, which looks at every node. */
  readonly perScanRun: number;
  readonly throwIfCancelled: () => void;
}

export interface SearchResult {
  /** The first node that is bad over the smallest stretch; undefined where every node is right. */
  readonly found: NodeId | undefined;
  readonly runs: number;
  /** Why every node had to be looked at; undefined where narrowing down was enough. */
  readonly scanned: string | undefined;
}

/** Throws what `probe` and `throwIfCancelled` throw. */
export function searchFirstBad(request: SearchRequest, probe: Probe): Promise<SearchResult> {
  return new Search(request, probe).run();
}

const NOTHING_BAD = 'no stretch between the checkpoints is wrong: a small error may hide in the noise of a long one';
const NO_CAUSE = 'the run ends wrong, but no stretch between the checkpoints is: the error is spread';
const VANISHES = 'an inherited error vanishes again on its way';
const WAS_RIGHT = 'a stretch that was right turned out wrong when looked at more closely';
const WAS_WRONG = 'a stretch that was wrong turned out right when looked at more closely';

class Search {
  private known: Knowledge = new Map();
  private readonly asked = new Set<NodeId>();
  private runs = 0;
  /** Place of a node in graph order. */
  private readonly place: ReadonlyMap<NodeId, number>;

  constructor(
    private readonly request: SearchRequest,
    private readonly probe: Probe,
  ) {
    this.place = new Map(request.nodes.map((node, i) => [node, i]));
  }

  async run(): Promise<SearchResult> {
    const { nodes, perRun } = this.request;
    if (nodes.length === 0) return this.result(undefined);
    await this.ask(withBothEnds(nodes, perRun));
    for (;;) {
      if (this.vanishes()) return this.scan(VANISHES);
      const bad = this.firstBad();
      if (bad === undefined) return this.scan(this.endIsOff() ? NO_CAUSE : NOTHING_BAD);
      const inside = this.askable(bad);
      if (inside.length === 0) return this.result(bad);
      const before = this.known;
      await this.ask(spread(inside, perRun));
      const surprise = this.contradiction(before, bad);
      if (surprise !== undefined) return this.scan(surprise);
    }
  }

  /** Looks at every node, in graph order, until the first bad one stands alone and all before it are known. */
  private async scan(why: string): Promise<SearchResult> {
    for (;;) {
      const bad = this.firstBad();
      const open = this.request.nodes.filter((n) => !this.asked.has(n));
      const first = open[0];
      if (first === undefined) return this.result(bad, why);
      if (bad !== undefined && this.isBefore(bad, first) && this.askable(bad).length === 0)
        return this.result(bad, why);
      await this.ask(open.slice(0, this.request.perScanRun));
    }
  }

  private async ask(nodes: readonly NodeId[]): Promise<void> {
    this.request.throwIfCancelled();
    for (const node of nodes) this.asked.add(node);
    this.known = await this.probe(nodes, ++this.runs);
  }

  private firstBad(): NodeId | undefined {
    return this.request.nodes.find((n) => this.known.get(n)?.bad);
  }

  /** Nodes of a bad stretch that were not asked for yet. */
  private askable(bad: NodeId): readonly NodeId[] {
    return (this.known.get(bad)?.stretch ?? []).filter((n) => !this.asked.has(n));
  }

  private endIsOff(): boolean {
    const last = this.request.nodes.findLast((n) => this.known.has(n));
    return last !== undefined && this.known.get(last)?.off === true;
  }

  /** Whether a node that is right depends on one that is off. */
  private vanishes(): boolean {
    const tainted = new Map<NodeId, boolean>();
    for (const node of this.request.nodes) {
      const fed = this.request.sources(node).some((s) => tainted.get(s));
      const off = this.known.get(node)?.off;
      if (fed && off === false) return true;
      tainted.set(node, fed || off === true);
    }
    return false;
  }

  /** What a closer look must not show: right turned wrong before the bad checkpoint, or nothing wrong in its stretch. */
  private contradiction(before: Knowledge, bad: NodeId): string | undefined {
    const turned = [...this.known].some(([n, c]) => c.bad && this.isBefore(n, bad) && before.get(n)?.bad === false);
    if (turned) return WAS_RIGHT;
    const inside = [bad, ...(before.get(bad)?.stretch ?? [])];
    return inside.some((n) => this.known.get(n)?.bad) ? undefined : WAS_WRONG;
  }

  private isBefore(a: NodeId, b: NodeId): boolean {
    return (this.place.get(a) ?? -1) < (this.place.get(b) ?? -1);
  }

  private result(found: NodeId | undefined, scanned?: string): SearchResult {
    return { found, runs: this.runs, scanned };
  }
}

/** `count` of the nodes, evenly spaced, the first and the last among them. */
function withBothEnds(nodes: readonly NodeId[], count: number): readonly NodeId[] {
  if (nodes.length <= count) return nodes;
  const at = Array.from({ length: count }, (_, i) => Math.round((i * (nodes.length - 1)) / (count - 1)));
  return at.map((i) => nodes[i] as NodeId);
}

/** `count` of the nodes that cut what lies before and after them into parts of one length. */
function spread(nodes: readonly NodeId[], count: number): readonly NodeId[] {
  if (nodes.length <= count) return nodes;
  const at = Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * (nodes.length + 1)) / (count + 1)) - 1);
  return at.map((i) => nodes[i] as NodeId);
}
