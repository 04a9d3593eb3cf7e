import { laneDash } from '../charts/palette';
import { CURVE_TICKS, curveY } from './geometry';
import type { Scene } from './scene';
import { pixelOf, visibleNodes } from './scene';

/** Below the rows: each candidate's error over the pass on a logarithmic axis, where a step is easier seen than a hue. */
export function drawCurves(c: CanvasRenderingContext2D, scene: Scene): void {
  drawGrid(c, scene);
  for (let lane = 1; lane < scene.shades.length; lane++) drawCurve(c, scene, lane);
}

function drawGrid(c: CanvasRenderingContext2D, { palette, width, geometry }: Scene): void {
  for (const power of CURVE_TICKS) {
    const y = Math.round(curveY(geometry, 10 ** power)) + 0.5;
    c.strokeStyle = palette.line;
    c.beginPath();
    c.moveTo(0, y);
    c.lineTo(width, y);
    c.stroke();
  }
}

function drawCurve(c: CanvasRenderingContext2D, scene: Scene, lane: number): void {
  const { edges } = scene.layout;
  const shades = scene.shades[lane]!;
  const [first, last] = visibleNodes(scene);
  c.save();
  const slot = scene.slots[lane] ?? lane;
  c.strokeStyle = scene.palette.lane(slot);
  c.lineWidth = 1.5;
  c.lineJoin = 'round';
  c.setLineDash([...laneDash(slot)]);
  c.beginPath();
  let pen = false;
  for (let i = Math.max(0, first - 1); i <= Math.min(shades.length - 1, last + 1); i++) {
    const shade = shades[i]!;
    // A gap where nothing was measured: a line across it would claim a value.
    if (shade.kind === 'not-measured') {
      pen = false;
      continue;
    }
    const nmse = shade.kind === 'error' ? shade.nmse : shade.kind === 'non-finite' ? 1 : 0;
    const x = pixelOf(scene, (edges[i]! + edges[i + 1]!) / 2);
    const y = curveY(scene.geometry, nmse);
    if (pen) c.lineTo(x, y);
    else c.moveTo(x, y);
    pen = true;
  }
  c.stroke();
  c.restore();
}
