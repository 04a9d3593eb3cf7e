import type { BrowserWindow } from 'electron';
import { app, dialog } from 'electron';

/** Electron's makers fix the newest three versions; older than this it gets no security fixes for certain. */
const OLDEST_MAINTAINED = 40;

/** What a user should know about what runs here; none in a package as it is meant to be. */
export function cautions(electron = process.versions.electron, sandboxed = isSandboxed()): readonly string[] {
  return [
    ...(Number.parseInt(electron, 10) < OLDEST_MAINTAINED
      ? [`Electron ${electron} gets no security fixes any more`]
      : []),
    ...(sandboxed ? [] : ['Chromium’s sandbox is off']),
  ];
}

export function isSandboxed(): boolean {
  return !app.commandLine.hasSwitch('no-sandbox');
}

export async function showAbout(window: BrowserWindow | undefined): Promise<void> {
  const { electron, chrome, node } = process.versions;
  const options = {
    type: 'info',
    title: 'About Quarrel',
    message: `Quarrel ${app.getVersion()}`,
    detail: [`Electron ${electron}, Chromium ${chrome}, Node ${node}`, ...cautions()].join('\n'),
    buttons: ['Close'],
  } as const;
  await (window
    ? dialog.showMessageBox(window, { ...options, buttons: [...options.buttons] })
    : dialog.showMessageBox({ ...options, buttons: [...options.buttons] }));
}
