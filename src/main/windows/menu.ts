import type { MenuItemConstructorOptions } from 'electron';
import { Menu } from 'electron';
import { DEVELOPMENT } from './development';
import type { MenuCommand, RecentFile } from '../../shared/ipc/contract';

export interface MenuActions {
  readonly command: (command: MenuCommand) => void;
  readonly openFile: (path: string) => void;
  readonly forgetRecent: () => void;
  readonly about: () => void;
}

/** The application menu; built anew when the recent files change. */
export function setMenu(recent: readonly RecentFile[], actions: MenuActions): void {
  const template: MenuItemConstructorOptions[] = [
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' } as const] : []),
    fileMenu(recent, actions),
    { role: 'editMenu' },
    {
      label: 'Run',
      submenu: [
        command('Run lanes', 'CmdOrCtrl+Enter', 'run', actions),
        command('Find first bad layer', 'CmdOrCtrl+Shift+Enter', 'find-first-bad', actions),
      ],
    },
    {
      label: 'View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...(DEVELOPMENT ? [{ role: 'toggleDevTools' } as const] : []),
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ label: 'About Quarrel', click: actions.about }] },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}

function fileMenu(recent: readonly RecentFile[], actions: MenuActions): MenuItemConstructorOptions {
  return {
    label: 'File',
    submenu: [
      command('Open…', 'CmdOrCtrl+O', 'open', actions),
      {
        label: 'Open Recent',
        enabled: recent.length > 0,
        submenu: [
          ...recent.map(({ path, name }) => ({ label: name, toolTip: path, click: () => actions.openFile(path) })),
          { type: 'separator' },
          { label: 'Clear', click: actions.forgetRecent },
        ],
      },
      { type: 'separator' },
      command('Export verdict…', 'CmdOrCtrl+E', 'export-verdict', actions),
      { type: 'separator' },
      process.platform === 'darwin' ? { role: 'close' } : { role: 'quit' },
    ],
  };
}

function command(
  label: string,
  accelerator: string,
  name: MenuCommand,
  actions: MenuActions,
): MenuItemConstructorOptions {
  return { label, accelerator, click: () => actions.command(name) };
}
