import { app } from 'electron';

/** Whether a checkout runs, and not a package: only there are Chromium's developer tools to be had. */
export const DEVELOPMENT = !app.isPackaged;
