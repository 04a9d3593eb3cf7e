/** Anything that holds files, maps, devices or processes. */
export interface Disposable {
  dispose(): void | Promise<void>;
}

/** What a job owns; disposed together, last acquired first, however the job ends. */
export class Owned {
  private readonly items: Disposable[] = [];

  add<T extends Disposable>(item: T): T {
    this.items.push(item);
    return item;
  }

  async dispose(): Promise<void> {
    for (const item of this.items.splice(0).reverse()) await item.dispose();
  }
}

/** Runs `body` with things to own and disposes them at its end. */
export async function owning<T>(body: (owned: Owned) => Promise<T>): Promise<T> {
  const owned = new Owned();
  try {
    return await body(owned);
  } finally {
    await owned.dispose();
  }
}
