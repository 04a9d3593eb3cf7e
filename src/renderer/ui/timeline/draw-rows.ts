import type { Palette } from '../charts/palette';
import type { Shade } from './colour-scale';
import { cssColour, luminance, rampColour, scalePosition } from './colour-scale';
import type { Scene } from './scene';
import { pixelOf, severity, visibleNodes } from './scene';
import { substitutedText } from './substituted';

/** Below this width neighbours share pixels, and the worst of them is shown. */
const LEAST_CELL = 1.5;
const LABEL_FROM = 46;
/** Half the width, and the height, of the mark above a node that runs on captured values. */
const MARK = 3;

export function drawRows(c: CanvasRenderingContext2D, scene: Scene): void {
  const fills = new Fills(c, scene.palette);
  for (let lane = 0; lane < scene.shades.length; lane++) drawRow(c, scene, lane, fills);
}

function drawRow(c: CanvasRenderingContext2D, scene: Scene, lane: number, fills: Fills): void {
  const { edges } = scene.layout;
  const shades = scene.shades[lane]!;
  const { rowHeight } = scene.geometry;
  const top = scene.geometry.rowTop(lane);
  const [first, last] = visibleNodes(scene);
  let run: { x: number; shade: Shade } | undefined;
  const flush = (to: number): void => {
    if (!run) return;
    c.fillStyle = fills.of(run.shade);
    c.fillRect(run.x, top, Math.max(1, to - run.x), rowHeight);
    run = undefined;
  };
  for (let i = first; i <= last; i++) {
    const shade = shades[i]!;
    const x = pixelOf(scene, edges[i]!);
    const width = pixelOf(scene, edges[i + 1]!) - x;
    if (width < LEAST_CELL) {
      const pixel = Math.floor(x);
      if (run && pixel > run.x) flush(pixel);
      if (!run) run = { x: pixel, shade };
      else if (severity(shade) > severity(run.shade)) run = { x: run.x, shade };
      continue;
    }
    flush(x);
    drawCell(c, scene, { x, top, width, shade, node: i }, fills);
  }
  flush(pixelOf(scene, edges[last + 1]!));
  drawSubstituted(c, scene, lane);
}

/** A small arrow into each node that reads a value of llama.cpp's instead of the lane's own: the error begins anew there. */
function drawSubstituted(c: CanvasRenderingContext2D, scene: Scene, lane: number): void {
  const { edges } = scene.layout;
  const tip = scene.geometry.rowTop(lane) - 2;
  const [first, last] = visibleNodes(scene);
  let free = -Infinity;
  c.fillStyle = scene.palette.text2;
  for (let i = first; i <= last; i++) {
    if (substitutedText(scene.run.nodes[i]!.lanes[lane]) === undefined) continue;
    const from = pixelOf(scene, edges[i]!);
    const x = Math.min((from + pixelOf(scene, edges[i + 1]!)) / 2, from + 2 * MARK);
    // Where nodes lie closer than the arrows are wide, one stands for several.
    if (x - MARK < free) continue;
    c.beginPath();
    c.moveTo(x - MARK, tip - MARK - 1);
    c.lineTo(x + MARK, tip - MARK - 1);
    c.lineTo(x, tip);
    c.fill();
    free = x + MARK;
  }
}

interface Cell {
  readonly x: number;
  readonly top: number;
  readonly width: number;
  readonly shade: Shade;
  readonly node: number;
}

function drawCell(c: CanvasRenderingContext2D, scene: Scene, cell: Cell, fills: Fills): void {
  const { x, top, width, shade, node } = cell;
  const { rowHeight } = scene.geometry;
  const gap = width > 5 ? 1 : 0;
  c.fillStyle = fills.of(shade);
  c.fillRect(x, top, width - gap, rowHeight);
  if (width < LABEL_FROM) return;
  const row = scene.run.nodes[node]!;
  c.save();
  c.beginPath();
  c.rect(x, top, width - gap - 4, rowHeight);
  c.clip();
  c.fillStyle = fills.ink(shade);
  c.textBaseline = 'middle';
  c.font = `500 11px ${scene.palette.mono}`;
  c.fillText(row.key, x + 6, top + rowHeight / 2 - 7);
  c.font = `400 10px ${scene.palette.font}`;
  c.globalAlpha = 0.78;
  c.fillText(row.kind, x + 6, top + rowHeight / 2 + 8);
  c.restore();
}

/** Fill and text colour per shade; states that are no number get a pattern, never a colour of the scale. */
class Fills {
  private readonly notMeasured: CanvasPattern | string;
  private readonly nonFinite: CanvasPattern | string;

  constructor(
    c: CanvasRenderingContext2D,
    private readonly palette: Palette,
  ) {
    this.notMeasured = hatch(c, palette.surface2, palette.lineStrong, 'single');
    this.nonFinite = hatch(c, palette.nonFinite, palette.surface, 'cross');
  }

  of(shade: Shade): CanvasPattern | string {
    switch (shade.kind) {
      case 'reference':
        return this.palette.surface3;
      case 'equal':
        return cssColour(rampColour(this.palette.ramp, 0));
      case 'error':
        return cssColour(rampColour(this.palette.ramp, scalePosition(shade.nmse)));
      case 'non-finite':
        return this.nonFinite;
      case 'not-measured':
        return this.notMeasured;
    }
  }

  ink(shade: Shade): string {
    if (shade.kind === 'not-measured' || shade.kind === 'reference') return this.palette.text2;
    if (shade.kind === 'non-finite') return this.palette.text;
    const position = shade.kind === 'error' ? scalePosition(shade.nmse) : 0;
    return luminance(rampColour(this.palette.ramp, position)) > 0.22 ? '#10141a' : '#f4f6f9';
  }
}

function hatch(
  c: CanvasRenderingContext2D,
  ground: string,
  ink: string,
  kind: 'single' | 'cross',
): CanvasPattern | string {
  const size = 7;
  const tile = new OffscreenCanvas(size, size);
  const t = tile.getContext('2d');
  if (!t) return ground;
  t.fillStyle = ground;
  t.fillRect(0, 0, size, size);
  t.strokeStyle = ink;
  t.lineWidth = 1;
  t.beginPath();
  // Drawn past the corners, so that the tiles join without notches.
  for (const shift of [-size, 0, size]) {
    t.moveTo(shift - 1, size + 1);
    t.lineTo(shift + size + 1, -1);
    if (kind === 'cross') {
      t.moveTo(shift - 1, -1);
      t.lineTo(shift + size + 1, size + 1);
    }
  }
  t.stroke();
  return c.createPattern(tile, 'repeat') ?? ground;
}
