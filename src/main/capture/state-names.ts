/**
 * Tells the states of a run apart: some architectures keep two caches under one name (an indexer's beside the
 * attention's). A state stays at its address for as long as its context lives.
 */
export class StateNames {
  /** By name, the addresses in the order in which they were seen. */
  private readonly addresses = new Map<string, bigint[]>();

  /** A name for this state alone; undefined for the first of its name, which needs none. */
  apart(address: bigint, name: string): string | undefined {
    const known = this.addresses.get(name) ?? [];
    this.addresses.set(name, known);
    if (!known.includes(address)) known.push(address);
    const at = known.indexOf(address);
    return at === 0 ? undefined : `${name}@${at + 1}`;
  }
}
