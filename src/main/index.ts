import { join, resolve } from 'node:path';
import { app, nativeTheme } from 'electron';
import { applyGpuSwitches } from './electron-switches';
import { archiveRoot } from './entry-path';
import { sweepLeftovers } from './files/leftovers';
import { AppServices } from './ipc/app-services';
import { sendEvent, serveCalls } from './ipc/handlers';
import { JobService } from './ipc/job-service';
import { Settings } from './ipc/settings';
import { uiCalls } from './ipc/ui-calls';
import { startUtilityProgram } from './ipc/utility-program';
import { isSandboxed, showAbout } from './windows/about';
import { declareAppProtocol, serveAppProtocol } from './windows/app-protocol';
import { launchFile } from './windows/launch-file';
import { setMenu } from './windows/menu';
import { denyEverythingForeign } from './windows/security';
import { UiWindow } from './windows/ui-window';

const QUIT_WITHIN_MS = 3_000;

/** The app: one UI window, one job worker, one GPU window. */
class QuarrelApp {
  private readonly settings = new Settings(join(app.getPath('userData'), 'settings.json'));
  private readonly jobs = new JobService(
    (listener) => startUtilityProgram('job-worker', process.env, listener),
    new AppServices(),
  );
  private readonly ui = new UiWindow(() => {
    // The hidden GPU window must not keep an app alive that shows nothing.
    if (process.platform !== 'darwin') app.quit();
  });
  /** The model to open when the window asks for its first state. */
  private pendingFile: string | undefined;
  private stopped = false;

  start(file: string | undefined): void {
    this.pendingFile = file;
    nativeTheme.themeSource = this.settings.theme;
    sweepLeftovers();
    serveAppProtocol(join(archiveRoot(), 'out', 'renderer'));
    denyEverythingForeign();
    serveCalls(
      () => this.ui.current?.webContents,
      uiCalls({
        window: () => this.ui.current,
        settings: this.settings,
        jobs: this.jobs,
        takeLaunchFile: () => this.takePendingFile(),
        takeLoss: () => this.ui.takeLoss(),
        onRecentChanged: () => this.recentChanged(),
      }),
    );
    this.refreshMenu();
    this.ui.show();
  }

  /** Brings the window before the user, and a model into it. */
  show(path?: string): void {
    if (!this.ui.current) this.pendingFile = path ?? this.pendingFile;
    else if (path !== undefined) sendEvent(this.ui.current.webContents, 'openFile', { path });
    // Otherwise `start` does.
    if (app.isReady()) this.ui.show();
  }

  /** Electron would stop everything behind a modal box; the window can say it and go on. */
  reportBug(error: unknown): void {
    console.error(error);
    const message = `This is a bug in Quarrel: ${error instanceof Error ? error.message : String(error)}`;
    sendEvent(this.ui.current?.webContents, 'failure', { message });
  }

  /** Ends the jobs, which remove their files, before the process goes. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    await this.jobs.dispose().catch((e: unknown) => console.error(e));
    // In a turn of its own: inside `will-quit`, where its preventDefault still holds, Electron swallows a quit.
    setImmediate(() => {
      app.quit();
      // Whatever still holds it: a window or a process that hangs must not keep the app.
      setTimeout(() => app.exit(), QUIT_WITHIN_MS).unref();
    });
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  private takePendingFile(): string | undefined {
    const file = this.pendingFile;
    this.pendingFile = undefined;
    return file;
  }

  private recentChanged(): void {
    this.refreshMenu();
    sendEvent(this.ui.current?.webContents, 'recentChanged', { recent: this.settings.recent() });
  }

  private refreshMenu(): void {
    setMenu(this.settings.recent(), {
      command: (command) => sendEvent(this.ui.current?.webContents, 'command', { command }),
      openFile: (path) => this.show(path),
      about: () => void showAbout(this.ui.current),
      forgetRecent: () => {
        this.settings.forgetRecent();
        this.recentChanged();
      },
    });
  }
}

function launchFileOf(argv: readonly string[], cwd: string): string | undefined {
  return launchFile(argv, app.isPackaged ? undefined : app.getAppPath(), cwd);
}

/** A default app, which runs unpackaged apps, puts the folder of its own choice over the one that the switch names. */
function keepUserDataSwitch(): void {
  const folder = app.commandLine.getSwitchValue('user-data-dir');
  if (folder !== '') app.setPath('userData', resolve(folder));
}

function main(): void {
  keepUserDataSwitch();
  if (!app.requestSingleInstanceLock()) {
    process.stderr.write('Quarrel runs already: its window is shown.\n');
    app.quit();
    return;
  }
  if (!isSandboxed()) {
    process.stderr.write(
      'Chromium’s sandbox is off (--no-sandbox): a page that was taken over has all your rights. docs/security.md says how to turn it on.\n',
    );
  }
  declareAppProtocol();
  applyGpuSwitches(app.commandLine);
  const quarrel = new QuarrelApp();
  process.on('uncaughtException', (error) => quarrel.reportBug(error));
  process.on('unhandledRejection', (reason) => quarrel.reportBug(reason));
  app.on('second-instance', (_event, argv, cwd) => {
    quarrel.show(launchFileOf(argv, cwd));
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    quarrel.show(path);
  });
  // A terminal that was closed; Electron itself ends orderly on the other signals.
  process.on('SIGHUP', () => app.quit());
  app.on('activate', () => quarrel.show());
  app.on('will-quit', (event) => {
    if (quarrel.isStopped) return;
    event.preventDefault();
    void quarrel.stop();
  });
  // A page that took its time to go may have left files after the jobs were done with.
  app.on('quit', sweepLeftovers);
  void app.whenReady().then(() => quarrel.start(launchFileOf(process.argv, process.cwd())));
}

main();
