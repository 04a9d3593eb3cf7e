import { describe, expect, it } from 'vitest';
import { bytesOf, differingElements, groupFields } from '../../src/renderer/ui/inspector/block-content';
import { bitGroups, differingBits, valueOf } from '../../src/renderer/ui/inspector/float-bits';
import { codeCells, valueCells } from '../../src/renderer/ui/inspector/grid-cells';
import { cellText, commonExponent, heatColour, heatLimit } from '../../src/renderer/ui/inspector/heat';
import { fieldsOfBytes, highlightOf } from '../../src/renderer/ui/inspector/highlight';
import { luminance } from '../../src/renderer/ui/timeline/colour-scale';
import type { BlockInspection } from '../../src/shared/compare/block-lanes';
import { compareBlockLanes } from '../../src/shared/compare/block-lanes';
import { blockLinks } from '../../src/shared/quant/block-links';
import { describeBlock } from '../../src/shared/quant/block-report';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';

/** A block of bytes 1, 2, 3 …, as the job answers it; `spoil` makes the device's values wrong. */
function inspection(type: GgmlTypeName, spoil: (values: Float32Array) => void = () => undefined): BlockInspection {
  const { blockBytes, blockElements: elements, dequantize } = supportedFormat(type);
  const block = Uint8Array.from({ length: blockBytes }, (_, i) => i + 1);
  const values = new Float32Array(elements);
  dequantize(block, 0, 1, values, 0);
  const wrong = values.slice();
  spoil(wrong);
  const place = { index: 0, elements, row: 0, column: 0, coordinates: [0, 0, 0, 0], offsetInTensor: 0 };
  const tensor = { tensor: 't', type, ne: [elements, 1, 1, 1], blocks: 1, blockBytes, fileOffset: 0 };
  const measured = (lane: string, device: boolean, list: Float32Array<ArrayBuffer>) =>
    ({ lane, device, outcome: { status: 'measured', engine: undefined, values: list } }) as const;
  const lanes = compareBlockLanes([measured('webgpu', true, wrong), measured('llama', false, values)]);
  const file = { schema: 'quarrel.block/1', model: 'm', path: 'm' } as const;
  return { ...file, ...tensor, ...place, ...describeBlock(type, block), ...lanes, probe: null };
}

const ones = (flags: Uint8Array | undefined): number[] =>
  Array.from(flags ?? [], (f, i) => (f ? i : -1)).filter((i) => i >= 0);

describe('highlightOf', () => {
  const links = blockLinks('Q4_K');

  it('links an element with its bytes and field values, not with its neighbours', () => {
    const { bytes, elements, fields } = highlightOf(links, { kind: 'element', element: 37 });
    expect(ones(elements)).toEqual([37]);
    expect(ones(bytes)).toEqual([0, 1, 2, 3, 5, 9, 21]);
    expect(ones(fields.get('scales'))).toEqual([1]);
    expect(ones(fields.get('qs'))).toEqual([37]);
  });

  it('links a byte, a field and one of its values with all that depends on them', () => {
    expect(ones(highlightOf(links, { kind: 'byte', byte: 21 }).elements)).toEqual([5, 37]);
    expect(ones(highlightOf(links, { kind: 'byte', byte: 21 }).bytes)).toEqual([21]);
    expect(ones(highlightOf(links, { kind: 'field', field: 'dmin' }).bytes)).toEqual([2, 3]);
    const scale = highlightOf(links, { kind: 'entry', field: 'scales', entry: 5 });
    expect(ones(scale.bytes)).toEqual([5, 13]);
    expect(ones(scale.elements)).toEqual(Array.from({ length: 32 }, (_, i) => 160 + i));
  });

  it('knows which bytes fields share', () => {
    const owners = fieldsOfBytes(links).map((list) => list.map((f) => links.fields[f]?.name).join('+'));
    expect(owners.slice(0, 17)).toEqual([
      ...['d', 'd', 'dmin', 'dmin'],
      ...Array<string>(4).fill('scales'),
      ...Array<string>(4).fill('mins'),
      ...Array<string>(4).fill('scales+mins'),
      'qs',
    ]);
  });
});

describe('groupFields', () => {
  const names = (type: GgmlTypeName): unknown => {
    const { single, tables, grids } = groupFields(inspection(type));
    return [
      single.map((f) => f.name),
      tables.map((t) => [t.rows, ...t.fields.map((f) => f.name)]),
      grids.map((g) => g.name),
    ];
  };

  it.each<[GgmlTypeName, unknown]>([
    ['Q4_K', [['d', 'dmin'], [[8, 'scales', 'mins']], ['qs']]],
    ['Q6_K', [['d'], [[16, 'scales']], ['code', 'ql', 'qh']]],
    ['Q8_0', [['d'], [], ['qs']]],
    ['TQ1_0', [['d'], [[16, 'qh']], ['code', 'qs']]],
    ['F32', [['value'], [], []]],
  ])('%s', (type, expected) => {
    expect(names(type)).toEqual(expected);
  });

  it('puts codes together from their stored parts', () => {
    const [code] = groupFields(inspection('Q6_K')).grids;
    expect(code?.values).toHaveLength(256);
    for (const value of code!.values) expect(Math.abs(Number(value))).toBeLessThanOrEqual(32);
    expect(codeCells(code!)[0]?.label).toBe(`code 0: ${code!.values[0]}`);
  });
});

describe('cells', () => {
  it('marks the elements that lanes decode differently, whichever lane is shown', () => {
    const block = inspection('Q4_0', (values) => (values[7]! += 1));
    expect([...differingElements(block)]).toEqual([7]);
    for (const lane of block.lanes) {
      if (lane.status !== 'measured') throw new Error(lane.reason);
      const cells = valueCells(block, lane, heatLimit(lane.values.map(Number)), true);
      expect(cells.flatMap((cell, i) => (cell.marked === true ? [i] : []))).toEqual([7]);
      expect(cells[7]?.label).toContain('lanes differ');
    }
  });

  it.each([
    [-0.0272, -1, '−0.27'],
    [3.14159, 0, '3.14'],
    [2 ** -149, -45, '1.40'],
    [0, -3, '0'],
    [NaN, 0, 'NaN'],
    [-Infinity, 0, '−Inf'],
  ])('%d in units of 10^%d is %s', (value, exponent, text) => {
    expect(cellText(value, exponent)).toBe(text);
  });

  it('scales colours to the largest finite value and keeps text readable on them', () => {
    expect(heatLimit([1, -3, NaN, Infinity])).toBe(3);
    expect(commonExponent(0.0272)).toBe(-2);
    expect(heatLimit([])).toBe(0);
    const rgb = (css: string) => css.match(/\d+/g)!.map(Number) as unknown as readonly [number, number, number];
    const hex = (css: string) =>
      [1, 3, 5].map((i) => Number.parseInt(css.slice(i, i + 2), 16)) as unknown as readonly [number, number, number];
    for (const dark of [true, false]) {
      expect(heatColour(1, 1, dark).background).not.toBe(heatColour(-1, 1, dark).background);
      expect(heatColour(0, 0, dark)).toEqual(heatColour(0, 1, dark));
      for (let v = -1; v <= 1; v += 0.05) {
        const { background, text } = heatColour(v, 1, dark);
        const [a, b] = [luminance(rgb(background)), luminance(hex(text))].sort((x, y) => x - y) as [number, number];
        expect((b + 0.05) / (a + 0.05), `${v} ${dark}`).toBeGreaterThan(4.5); // WCAG AA
      }
    }
  });
});

describe('float bits', () => {
  it('are shown as sign, exponent and mantissa, with those that differ', () => {
    const groups = bitGroups('bf800001', '3f800000');
    expect(groups.map((g) => g.map((b) => b.bit).join(''))).toEqual(['1', '01111111', '00000000000000000000001']);
    expect(groups.map((g) => g.filter((b) => b.differs).length)).toEqual([1, 0, 1]);
    expect(
      bitGroups('bf800001', undefined)
        .flat()
        .some((b) => b.differs),
    ).toBe(false);
    expect(differingBits('bf800001', '3f800000')).toBe(2);
  });

  it('have the value of an f32', () => {
    expect(valueOf('3f800000')).toBe(1);
    expect(valueOf('80000000')).toBe(-0);
    expect(valueOf('7fc00000')).toBeNaN();
    expect(Array.from(bytesOf('00ff10'))).toEqual([0, 255, 16]);
  });
});
