/** Which process made a thing, so that another one can tell later whether that process is gone. */
import fs from 'node:fs';
import os from 'node:os';

/** Numbers of processes are used again, and mean nothing outside their PID namespace, machine and boot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since boot; null where the system does not say. */
  readonly start: string | null;
  readonly host: string;
  /** Null where the system does not say. */
  readonly boot: string | null;
  readonly pidNamespace: string | null;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, start: startOf(process.pid), ...place() };
}

/** Whether the process surely runs no more; false where that cannot be told from here. */
export function isGone(other: ProcessIdentity): boolean {
  const here = place();
  if (other.host !== here.host) return false;
  if (other.boot !== here.boot) return other.boot !== null && here.boot !== null;
  if (other.pidNamespace !== here.pidNamespace) return false;
  return !lives(other.pid) || (other.start !== null && startOf(other.pid) !== other.start);
}

/** Whether a process of that number runs here. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, start, host, boot, pidNamespace } = value as Record<string, unknown>;
  const isTextOrNull = (x: unknown): boolean => x === null || typeof x === 'string';
  return Number.isSafeInteger(pid) && typeof host === 'string' && [start, boot, pidNamespace].every(isTextOrNull);
}

function place(): Pick<ProcessIdentity, 'host' | 'boot' | 'pidNamespace'> {
  return {
    host: os.hostname(),
    boot: orNull(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: orNull(() => fs.readlinkSync('/proc/self/ns/pid')),
  };
}

/** Field 22 of /proc/PID/stat (proc(5)); the name before it stands in brackets and may hold anything. */
function startOf(pid: number): string | null {
  return orNull(() => {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  });
}

function orNull(read: () => string | null): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
