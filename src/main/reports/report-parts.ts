/** The pieces of a report. Text is plain: whoever sets it escapes it. */
import type { HeatMap } from '../../shared/divergence/cause';
import type { ProfileEntry, VerdictKind } from '../../shared/divergence/verdict';

export interface Report {
  readonly title: string;
  readonly state: VerdictKind;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | Table
  /** On demand: a page folds it away, what cannot fold leaves it out. */
  | { readonly kind: 'folded'; readonly summary: string; readonly table: Table }
  | { readonly kind: 'node-plot' | 'layer-plot'; readonly profile: readonly ProfileEntry[] }
  | { readonly kind: 'heat-plot'; readonly heat: HeatMap; readonly node: string };

export interface Table {
  readonly kind: 'table';
  /** Empty where the first column names the rows. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns set to the right. */
  readonly right: readonly number[];
}

export function section(title: string, blocks: readonly Block[]): Section {
  return { title, blocks };
}

export function paragraph(text: string): Block {
  return { kind: 'paragraph', text };
}

export function listed(items: readonly string[]): Block {
  return { kind: 'list', items };
}

export function facts(rows: readonly (readonly [string, string])[]): Table {
  return { kind: 'table', head: [], rows, right: [] };
}

export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): Table {
  return { kind: 'table', head, rows, right };
}

/** Never rounded up to 100 %. */
export function percent(share: number): string {
  const text = (share * 100).toFixed(share > 0.999 ? 4 : 1);
  return Number(text) >= 100 && share < 1 ? '> 99.9999 %' : `${Number(text)} %`;
}

/** A LANE without the folders of its path: the whole stands where the run is described. */
export function laneName(lane: string): string {
  return lane.replace(/^(trace:|[^/\\]*@).*[/\\](?=[^/\\]+[/\\]?$)/, '$1');
}
