/**
 * Times as Chrome trace events, which ui.perfetto.dev and chrome://tracing open: one track per lane, a slice per node,
 * inside one per layer and one per step. Nodes follow each other without gaps: their times are known, not when they ran.
 */
import type { TimedLane, TimedNode } from './lane-times';

/** "Trace Event Format": complete events (ph X) and metadata (ph M); times in microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, string | number | null>>;
}

export interface PerfettoDocument {
  readonly displayTimeUnit: 'ms';
  readonly traceEvents: readonly TraceEvent[];
  readonly otherData: Readonly<Record<string, string>>;
}

const PROCESS = 1;

export function perfettoTrace(lanes: readonly TimedLane[], model: string): PerfettoDocument {
  const process: TraceEvent = {
    name: 'process_name',
    ph: 'M',
    pid: PROCESS,
    tid: 0,
    args: { name: `Quarrel ${model}` },
  };
  return {
    displayTimeUnit: 'ms',
    traceEvents: [process, ...lanes.flatMap((lane, i) => trackOf(lane, i + 1))],
    otherData: { model },
  };
}

function trackOf({ lane, nodes }: TimedLane, tid: number): TraceEvent[] {
  const events: TraceEvent[] = [
    { name: 'thread_name', ph: 'M', pid: PROCESS, tid, args: { name: lane } },
    { name: 'thread_sort_index', ph: 'M', pid: PROCESS, tid, args: { sort_index: tid } },
  ];
  const track = { pid: PROCESS, tid } as const;
  let at = 0;
  const spans = nodes.map((node) => {
    // whole nanoseconds: slices that touch must not overlap by a rounding
    const begin = at;
    at += Math.max(Math.round(node.microseconds * 1000), 0);
    return { node, begin, end: at };
  });
  for (const step of runs(spans, (s) => String(s.node.step))) {
    const name = step.node.step === 0 ? 'prompt' : `decode step ${step.node.step}`;
    events.push(slice(name, 'step', step, { step: step.node.step }, track));
  }
  for (const layer of runs(spans, (s) => `${s.node.step} ${s.node.layer}`)) {
    if (layer.node.layer === null) continue;
    const { step, layer: number } = layer.node;
    events.push(slice(`layer ${number}`, 'layer', layer, { step, layer: number }, track));
  }
  for (const span of spans) {
    const { node, op, layer, step } = span.node;
    events.push(slice(node, op, span, { op, layer, step }, track));
  }
  return events;
}

interface Span {
  readonly node: TimedNode;
  /** Nanoseconds. */
  readonly begin: number;
  readonly end: number;
}

/** Neighbours with the same key as one span. */
function runs(spans: readonly Span[], key: (span: Span) => string): readonly Span[] {
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged[merged.length - 1];
    if (last && key(last) === key(span)) merged[merged.length - 1] = { ...last, end: span.end };
    else merged.push(span);
  }
  return merged;
}

function slice(
  name: string,
  cat: string,
  { begin, end }: Span,
  args: NonNullable<TraceEvent['args']>,
  track: Pick<TraceEvent, 'pid' | 'tid'>,
): TraceEvent {
  return { name, cat, ph: 'X', ts: begin / 1000, dur: (end - begin) / 1000, ...track, args };
}
