import { defineStore } from 'pinia';
import { computed, ref } from 'vue';

/** A lane on offer in the run bar; the first one, llama, is the reference and always runs. */
export interface LaneChoice {
  readonly spec: string;
  readonly enabled: boolean;
  /** Part of Quarrel, as opposed to a folder or trace the user added. */
  readonly builtIn: boolean;
}

export const REFERENCE_LANE = 'llama';

/** Which lanes are on offer, and which of them run. */
export const useLaneStore = defineStore('lanes', () => {
  const choices = ref<readonly LaneChoice[]>(
    [REFERENCE_LANE, 'reference', 'webgpu'].map((spec) => ({ spec, enabled: true, builtIn: true })),
  );
  const enabled = computed(() => choices.value.filter((l) => l.enabled).map((l) => l.spec));
  /** Slots outlive the lanes: a run may show one that was removed meanwhile. */
  const slots = new Map(choices.value.map((lane, slot) => [lane.spec, slot]));

  /** Picks a lane's colour and line pattern; the same in every view and run. */
  function slotOf(spec: string): number {
    return slots.get(spec) ?? 0;
  }

  function toggle(spec: string): void {
    if (spec === REFERENCE_LANE) return;
    choices.value = choices.value.map((l) => (l.spec === spec ? { ...l, enabled: !l.enabled } : l));
  }

  function add(spec: string): void {
    if (!slots.has(spec)) slots.set(spec, slots.size);
    const others = choices.value.filter((l) => l.spec !== spec);
    choices.value = [...others, { spec, enabled: true, builtIn: false }];
  }

  function remove(spec: string): void {
    choices.value = choices.value.filter((l) => l.builtIn || l.spec !== spec);
  }

  return { choices, enabled, slotOf, toggle, add, remove };
});
