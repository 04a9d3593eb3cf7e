/** A weight on a device, as its budget sees it. */
export interface HeldWeight {
  readonly bytes: number;
  /** Whether work that was not submitted yet reads it. */
  inUse(): boolean;
  /** Gives its memory back and tells the budget so (`forget`). */
  drop(): void;
}

/**
 * Bytes of weights that lanes hold on their devices between uses, all that share it together. Least recently used ones
 * go first, whichever lane uploaded them; those in use stay, so that a node's own weights may exceed it while it runs.
 */
export class WeightBudget {
  /** In order of last use, oldest first. */
  private readonly held = new Set<HeldWeight>();
  private heldBytes = 0;

  constructor(private readonly bytes: number) {}

  get exceeded(): boolean {
    return this.heldBytes > this.bytes;
  }

  /** The weight is used now; makes room where there is none. */
  use(weight: HeldWeight): void {
    if (!this.held.delete(weight)) this.heldBytes += weight.bytes;
    this.held.add(weight);
    this.shrink();
  }

  forget(weight: HeldWeight): void {
    if (this.held.delete(weight)) this.heldBytes -= weight.bytes;
  }

  /** Drops what is not in use until the rest fits. */
  shrink(): void {
    for (const weight of [...this.held]) {
      if (!this.exceeded) return;
      if (!weight.inUse()) weight.drop();
    }
  }
}
