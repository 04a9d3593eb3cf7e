import { drawCurves } from './draw-curves';
import { drawRows } from './draw-rows';
import { AXIS_HEIGHT } from './geometry';
import type { TimelineGroup } from './layout';
import type { Scene } from './scene';
import { pixelOf } from './scene';

/** Draws the whole picture; the context is scaled so that one unit is one CSS pixel. */
export function drawTimeline(c: CanvasRenderingContext2D, scene: Scene): void {
  c.clearRect(0, 0, scene.width, scene.geometry.height);
  if (scene.run.nodes.length === 0) return;
  drawAxis(c, scene);
  drawRows(c, scene);
  drawCurves(c, scene);
  drawMark(c, scene, scene.hovered, scene.palette.text2, 1);
  drawMark(c, scene, scene.selected, scene.palette.text, 2);
}

function drawAxis(c: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, palette, width, geometry } = scene;
  const bottom = geometry.curveTop + geometry.curveHeight;
  let labelsEnd = -Infinity;
  for (const group of layout.groups) {
    const from = pixelOf(scene, layout.edges[group.start]!);
    const to = pixelOf(scene, layout.edges[group.end]!);
    if (to < 0 || from > width) continue;
    c.strokeStyle = palette.line;
    c.beginPath();
    c.moveTo(Math.round(from) + 0.5, AXIS_HEIGHT - 8);
    c.lineTo(Math.round(from) + 0.5, bottom);
    c.stroke();
    c.font = `560 11px ${palette.font}`;
    c.textBaseline = 'middle';
    c.fillStyle = palette.text2;
    const label = axisLabel(group, to - from);
    // The label stays in view while any of its layer does.
    const x = Math.max(from, 0) + 5;
    const needed = c.measureText(label).width;
    if (x < labelsEnd || x + needed > to - 2) continue;
    c.fillText(label, x, AXIS_HEIGHT / 2 - 1);
    labelsEnd = x + needed + 8;
  }
}

function axisLabel(group: TimelineGroup, width: number): string {
  if (group.kind === 'input') return 'Input';
  if (group.kind === 'output') return 'Output';
  return width > 70 ? `Layer ${group.layer}` : String(group.layer);
}

function drawMark(
  c: CanvasRenderingContext2D,
  scene: Scene,
  at: { readonly node: number; readonly lane: number } | undefined,
  colour: string,
  lineWidth: number,
): void {
  if (!at || at.node >= scene.run.nodes.length) return;
  const from = pixelOf(scene, scene.layout.edges[at.node]!);
  const to = Math.max(from + 3, pixelOf(scene, scene.layout.edges[at.node + 1]!));
  const { rowHeight, rowTop, curveTop, curveHeight } = scene.geometry;
  c.strokeStyle = colour;
  c.lineWidth = lineWidth;
  c.strokeRect(from - 0.5, rowTop(at.lane) - 1.5, to - from, rowHeight + 3);
  // A hairline through the curves ties the node to its errors.
  c.globalAlpha = 0.4;
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo((from + to) / 2, curveTop - 6);
  c.lineTo((from + to) / 2, curveTop + curveHeight);
  c.stroke();
  c.globalAlpha = 1;
}
