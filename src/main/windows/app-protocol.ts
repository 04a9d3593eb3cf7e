import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { protocol } from 'electron';

/** Our pages come from `quarrel://…`: a secure origin with headers, which file:// has not. */
const SCHEME = 'quarrel';

/** An origin for each page, so that neither can reach into the other: folders of the built pages that it holds. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = { app: ['ui', 'assets'], gpu: ['gpu-window', 'assets'] };

export const UI_URL = `${SCHEME}://app/ui/index.html`;
export const GPU_URL = `${SCHEME}://gpu/gpu-window/index.html`;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Must run before the app is ready. */
export function declareAppProtocol(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
}

/** Serves the built pages, and nothing else, from `root`. */
export function serveAppProtocol(root: string): void {
  protocol.handle(SCHEME, async (request) => {
    const url = new URL(request.url);
    const path = normalize(join(root, decodeURIComponent(url.pathname)));
    const type = CONTENT_TYPES[extname(path)];
    const isServed = FOLDERS[url.host]?.some((folder) => path.startsWith(join(root, folder) + sep)) ?? false;
    if (request.method !== 'GET' || !isServed || type === undefined) {
      return new Response(null, { status: 403 });
    }
    try {
      const headers = {
        'content-type': type,
        'content-security-policy': CONTENT_SECURITY_POLICY,
        'x-content-type-options': 'nosniff',
        // Cross-origin isolation: without it Chrome has no SharedArrayBuffer, which the GPU window's file maps need.
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
      };
      return new Response(await readFile(path), { headers });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}
