/** A display for Electron on a Linux machine without a screen. */
import { spawn } from 'node:child_process';

export const hasDisplay =
  process.platform !== 'linux' || Boolean(process.env.DISPLAY) || Boolean(process.env.WAYLAND_DISPLAY);

/**
 * Starts Xvfb on a free display number.
 * @returns {Promise<{ display: string, stop: () => void }>}
 */
export async function startVirtualDisplay() {
  // Xvfb writes the number it chose to descriptor 3 once it accepts connections.
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  server.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const display = await new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`Xvfb could not be started: ${error.message}`)));
    server.once('exit', (code) => reject(new Error(`Xvfb ended with code ${code}: ${stderr.trim()}`)));
    server.stdio[3].once('data', (number) => resolve(`:${String(number).trim()}`));
  });
  const stop = () => void server.kill();
  process.once('exit', stop);
  return { display, stop };
}
