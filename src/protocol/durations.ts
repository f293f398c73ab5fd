// Durations as monitoring shows them: uptimes, Go's text of a duration, and whole nanoseconds.

/** `1y2d3h4m5s`, from the largest unit that is not 0 on; whole seconds. */
export function uptimeText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const years = Math.floor(days / 365);
  const small = `${minutes % 60}m${seconds % 60}s`;
  if (years > 0) return `${years}y${days % 365}d${hours % 24}h${small}`;
  if (days > 0) return `${days}d${hours % 24}h${small}`;
  if (hours > 0) return `${hours}h${small}`;
  return minutes > 0 ? small : `${seconds}s`;
}

/** Go's text of a duration of at least 0: `0s`, `326µs`, `1.5ms`, `2m0.5s`. Rounded to nanoseconds. */
export function durationText(ms: number): string {
  const ns = nanoseconds(ms);
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${(ns - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}

/** Whole nanoseconds of milliseconds; exact for durations of up to 104 days. */
export function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}
