// Long walks, cut into slices so that no turn of the loop is long.
import type { Clock } from "../runtime/clock.js";

/** A walk that goes on until it is done or stopped. */
export interface Walk {
  stop(): void;
}

/** Calls `each` for all items, `perSlice` of them now and in each of the following turns. */
export function inSlices<T>(clock: Clock, items: Iterator<T>, perSlice: number, each: (item: T) => void): Walk {
  let stopped = false;
  const slice = (): void => {
    for (let i = 0; i < perSlice; i++) {
      if (stopped) return;
      const { done, value } = items.next();
      if (done) return;
      each(value);
    }
    clock.endOfTurn(slice);
  };
  slice();
  return {
    stop: () => {
      stopped = true;
    },
  };
}
