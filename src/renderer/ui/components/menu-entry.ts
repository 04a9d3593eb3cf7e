/** A line of a PopoverMenu. */
export interface MenuEntry {
  readonly id: string;
  readonly title: string;
  readonly hint: string;
}
