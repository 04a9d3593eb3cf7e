import type { ShallowRef } from 'vue';
import { onBeforeUnmount, onMounted, shallowRef } from 'vue';

/** Whether a media query matches, kept up to date. */
export function useMediaQuery(query: string): Readonly<ShallowRef<boolean>> {
  const list = window.matchMedia(query);
  const matches = shallowRef(list.matches);
  const update = (): void => {
    matches.value = list.matches;
  };
  onMounted(() => list.addEventListener('change', update));
  onBeforeUnmount(() => list.removeEventListener('change', update));
  return matches;
}
