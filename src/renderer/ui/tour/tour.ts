import type { Driver, DriveStep, PopoverDOM } from 'driver.js';
import { driver } from 'driver.js';
import 'driver.js/dist/driver.css';
import './tour.css';
import { useAppStore } from '../stores/app';
import { reportFailure } from '../stores/job-state';
import { useSpecimenStore } from '../stores/specimen';
import type { TourStop } from './tour-stops';
import { tourStops } from './tour-stops';

/** How long a view may take to show a stop's anchor. */
const ANCHOR_WITHIN_MS = 5_000;

/** Walks through the views with the embedded model; Escape skips, the arrow keys and Enter go on. */
export async function startTour(): Promise<void> {
  const specimen = useSpecimenStore();
  if (specimen.busy) return;
  try {
    if (specimen.gallery.length === 0) await specimen.load();
    const [bug] = specimen.gallery;
    if (bug) await new Tour(tourStops(bug)).goTo(0);
  } catch (e) {
    reportFailure(e);
  }
}

class Tour {
  private readonly guide: Driver;
  /** What had the focus before. */
  private readonly opener = document.activeElement;
  private moving = false;
  private ended = false;

  constructor(private readonly stops: readonly TourStop[]) {
    this.guide = driver({
      steps: stops.map(({ anchor, title, text, side, align, next }): DriveStep => ({
        element: `[data-tour="${anchor}"]`,
        popover: {
          title,
          description: text,
          side,
          align: align ?? 'start',
          ...(next === undefined ? {} : { nextBtnText: next }),
        },
      })),
      animate: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
      duration: 220,
      // A click beside the popover must not end the tour; nor must one inside the view lead away from it.
      overlayClickBehavior: () => undefined,
      disableActiveInteraction: true,
      overlayColor: '#000',
      overlayOpacity: 0.45,
      stagePadding: 6,
      stageRadius: 10,
      waitForElement: ANCHOR_WITHIN_MS,
      popoverClass: 'tour-popover',
      showProgress: true,
      prevBtnText: 'Back',
      nextBtnText: 'Next',
      doneBtnText: 'Done',
      onPopoverRender: (popover) => this.dress(popover),
      onNextClick: (_element, _step, { index = 0 }) => this.move(index, index + 1),
      onPrevClick: (_element, _step, { index = 0 }) => this.move(index, index - 1),
      onDestroyStarted: () => this.end(),
    });
  }

  /** Prepares a stop and shows it; ends the tour after the last one, or where a stop cannot be shown. */
  async goTo(index: number): Promise<void> {
    const stop = this.stops[index];
    const isReady = stop !== undefined && (await stop.prepare());
    if (this.ended) return;
    if (!isReady) this.end();
    else if (this.guide.isActive()) this.guide.moveTo(index);
    else this.guide.drive(index);
  }

  private move(from: number, to: number): void {
    if (this.moving) return;
    this.moving = true;
    const working = this.stops[from]?.working;
    const popover = this.guide.getState('popover') as PopoverDOM | undefined;
    if (popover && working !== undefined && to > from) {
      // Not disabled, which would lose the focus.
      popover.nextButton.setAttribute('aria-disabled', 'true');
      popover.nextButton.textContent = working;
    }
    this.goTo(to)
      .catch((e: unknown) => {
        reportFailure(e);
        this.end();
      })
      .finally(() => (this.moving = false));
  }

  /** The button that skips stands in words beside the others, and the one that goes on has the focus. */
  private dress({ closeButton, footer, nextButton, progress, title }: PopoverDOM): void {
    closeButton.textContent = 'Skip';
    closeButton.setAttribute('aria-label', 'Skip the tour');
    footer.prepend(closeButton);
    title.before(progress);
    if (this.guide.isLastStep()) closeButton.style.display = 'none';
    // Once it is in its place: the library gives the focus to the first button.
    queueMicrotask(() => nextButton.focus());
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    // A tour whose first stop could not be shown was not seen.
    if (!this.guide.isActive()) return;
    this.guide.destroy();
    const opener = this.opener instanceof HTMLElement && this.opener.isConnected ? this.opener : undefined;
    (opener ?? document.querySelector<HTMLElement>('main'))?.focus();
    useAppStore().rememberTour().catch(reportFailure);
  }
}
