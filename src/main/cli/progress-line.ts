import { printable } from '../../shared/base/printable';
import type { Progress } from '../../shared/base/progress';

const REDRAW_MS = 80;

/**
 * Progress on stderr: one line redrawn in place on a terminal, one line per stage elsewhere. `clear` removes the line
 * before anything else is printed.
 */
export class ProgressLine {
  private stage = '';
  private drawnAt = 0;
  private drawn = false;

  constructor(
    private readonly draw: (text: string) => void,
    private readonly terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>,
  ) {}

  readonly report = (p: Progress): void => {
    if (!this.terminal.isTTY) {
      if (p.stage !== this.stage) this.draw(`${printable(p.stage)} …\n`);
      this.stage = p.stage;
      return;
    }
    const now = Date.now();
    if (p.stage === this.stage && now - this.drawnAt < REDRAW_MS && p.done < p.total) return;
    this.stage = p.stage;
    this.drawnAt = now;
    const share = p.total > 0 ? ` ${Math.floor((100 * p.done) / p.total)} %` : '';
    const text = printable(`${p.stage}${share}${p.detail === undefined ? '' : `  ${p.detail}`}`);
    this.draw(`\r\x1b[2K${text.slice(0, (this.terminal.columns || 80) - 1)}`);
    this.drawn = true;
  };

  clear(): void {
    if (this.drawn) this.draw('\r\x1b[2K');
    this.drawn = false;
  }
}
