import type { BlockInspection, MeasuredBlockLane } from '../../../shared/compare/block-lanes';
import { elementFields } from '../../../shared/gpu/element-fields';
import type { BlockFieldReport, JsonNumber } from '../../../shared/quant/block-report';

/** Fields of at most so many values stand in a table, longer ones in a grid. */
const MOST_IN_TABLE = 16;

/** A block's fields by how they are shown. */
export interface FieldGroups {
  /** d, dmin … */
  readonly single: readonly BlockFieldReport[];
  /** One value per sub-block: a table for each count of sub-blocks. */
  readonly tables: readonly { readonly rows: number; readonly fields: readonly BlockFieldReport[] }[];
  readonly grids: readonly CodeGrid[];
}

export interface CodeGrid {
  readonly name: string;
  readonly values: readonly JsonNumber[];
  /** Whether these are values of a field of that name; otherwise codes put together, one per element. */
  readonly isField: boolean;
}

export function groupFields(block: BlockInspection): FieldGroups {
  const inTable = ({ values }: BlockFieldReport): boolean =>
    values.length > 1 && values.length <= MOST_IN_TABLE && values.length !== block.elements;
  const tables = new Map<number, BlockFieldReport[]>();
  for (const field of block.fields.filter(inTable)) {
    const rows = field.values.length;
    tables.set(rows, [...(tables.get(rows) ?? []), field]);
  }
  return {
    single: block.fields.filter((f) => f.values.length === 1),
    tables: [...tables].map(([rows, fields]) => ({ rows, fields })),
    grids: codeGrids(
      block,
      block.fields.filter((f) => f.values.length > 1 && !inTable(f)),
    ),
  };
}

/** The codes as the formula uses them where the format stores them in parts or with an offset, then as stored. */
function codeGrids(block: BlockInspection, fields: readonly BlockFieldReport[]): CodeGrid[] {
  const stored = fields.map(({ name, values }): CodeGrid => ({ name, values, isField: true }));
  if (block.notDecodable !== null) return stored;
  const code = elementFields(block.type, bytesOf(block.hex)).code;
  const same = code && fields.some((f) => f.values.length === code.length && f.values.every((v, i) => v === code[i]));
  return code && !same ? [{ name: 'code', values: Array.from(code), isField: false }, ...stored] : stored;
}

export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

export function measuredLanes({ lanes }: BlockInspection): readonly MeasuredBlockLane[] {
  return lanes.filter((lane) => lane.status === 'measured');
}

/** Every element that some lane decodes differently from the judge. */
export function differingElements(block: BlockInspection): ReadonlySet<number> {
  return new Set(measuredLanes(block).flatMap((lane) => lane.different));
}
