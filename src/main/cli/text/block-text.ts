import type { BlockReport } from '../../../shared/quant/block-report';
import { number } from './table';

const HEX_BYTES_PER_LINE = 16;
const VALUES_PER_LINE = 16;

/** One block as a person reads it in a terminal: bytes, fields, values. */
export function blockText(r: BlockReport): string {
  const [column = 0, ...rest] = r.coordinates;
  return [
    `${r.tensor}: ${r.type}, ne ${r.ne.join(' × ')}, block ${r.index} of ${r.blocks}`,
    `elements [${column}…${column + r.elements - 1}, ${rest.join(', ')}], ${r.blockBytes} bytes at byte ${r.fileOffset} of ${r.path}`,
    '',
    ...hexLines(r.hex),
    '',
    ...(r.notDecodable === null ? [] : [`not decodable: ${r.notDecodable}`]),
    ...r.fields.map((f) => `${f.name} (bytes ${f.offset}…${f.offset + f.length - 1}): ${f.values.map(show).join(' ')}`),
    ...(r.values.length > 0 ? ['', 'values', ...valueLines(r.values)] : []),
  ].join('\n');
}

function show(x: number | string): string {
  return typeof x === 'number' ? number(x) : x;
}

function hexLines(hex: string): string[] {
  const bytes = hex.match(/../g) ?? [];
  return chunks(bytes, HEX_BYTES_PER_LINE).map((line, i) => {
    const at = (i * HEX_BYTES_PER_LINE).toString(16).padStart(4, '0');
    return `${at}  ${line.join(' ')}`;
  });
}

function valueLines(values: BlockReport['values']): string[] {
  const cells = values.map(show);
  const width = Math.max(...cells.map((c) => c.length));
  return chunks(cells, VALUES_PER_LINE).map(
    (line, i) => `${String(i * VALUES_PER_LINE).padStart(4)}  ${line.map((c) => c.padStart(width)).join(' ')}`,
  );
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
