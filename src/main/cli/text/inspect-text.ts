import type { InspectReport, JsonValue, MetadataReport } from '../../../shared/gguf/inspect-report';
import { findingLine } from '../../../shared/gguf/finding-line';
import { bytes, table } from './table';

const SHOWN_TEXT = 80;

/** An inspect report as a person reads it in a terminal. */
export function inspectText(r: InspectReport): string {
  const { totals } = r;
  const shards = r.shards.length > 1 ? `, ${r.shards.length} shards` : '';
  return [
    `${r.path}: GGUF v${r.version}, ${r.endian} endian, ${bytes(r.fileSize)}${shards}, alignment ${r.alignment}, data at byte ${r.dataOffset}`,
    ...(r.role === null ? [] : [`no model: ${r.role}`]),
    `${r.architecture ?? 'no architecture'}${r.name === null ? '' : `, ${JSON.stringify(r.name)}`}: ${totals.tensors} tensors, ${totals.layers} layers, ${totals.elements.toLocaleString('en')} weights`,
    '',
    table(
      ['type', 'tensors', 'weights', 'bytes'],
      totals.byType.map((t) => [t.type, String(t.tensors), t.elements.toLocaleString('en'), bytes(t.bytes)]),
      new Set([1, 2, 3]),
    ),
    '',
    table(
      ['key', 'type', 'value'],
      r.metadata.map((m) => [m.key, typeOf(m), valueOf(m)]),
    ),
    '',
    table(
      ['tensor', 'type', 'ne', 'bytes', 'offset'],
      r.tensors.map((t) => [
        t.name,
        t.type,
        t.ne.join(' × '),
        t.bytes === null ? '?' : bytes(t.bytes),
        r.shards.length > 1 ? `${t.shard}:${t.offset}` : String(t.offset),
      ]),
      new Set([3, 4]),
    ),
    '',
    ...findings(r),
  ].join('\n');
}

function typeOf(m: MetadataReport): string {
  return m.elementType === null ? m.type : `${m.elementType}[${m.length ?? '?'}]`;
}

function valueOf(m: MetadataReport): string {
  const text = show(m.value);
  const short = text.length > SHOWN_TEXT ? text.slice(0, SHOWN_TEXT) : text;
  return m.clipped || short !== text ? `${short} …` : short;
}

function show(value: JsonValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object') return value.map(show).join(', ');
  return String(value);
}

function findings(r: InspectReport): string[] {
  if (r.findings.length === 0) return ['no findings'];
  return r.findings.map((f) =>
    findingLine(
      f,
      r.shards.map(({ path }) => path),
    ),
  );
}
