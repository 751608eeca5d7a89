/** The first rest after a death; each further one doubles it. */
const REST_FIRST_MS = 100
/** No rest is longer: somebody may be editing the program right now, and waits for it to come back. */
const REST_MAX_MS = 5_000
/** Who has lived this long has started well: its next death counts as the first. */
const LIVED_WELL_MS = 10_000

/** Who has lived this long has not just failed to start; something has ended it, and that may not happen again. */
const LIVED_MS = 1_000
/** Such a one rests no longer than this part of its life: it is there most of the time, however often it is ended; ... */
const REST_PART = 0.25
/** ... and no longer than this: others wait for it. */
const REST_LIVED_MAX_MS = 500

/** How many deaths in a row this one makes, given how many there were before and how long the process lived (milliseconds). */
export function deathsInARow(before: number, livedMs: number): number {
  return livedMs >= LIVED_WELL_MS ? 1 : before + 1
}

/**
 * The rest before the next start, in milliseconds: 100, 200, 400, ... 5000, and shorter for a process that had lived for a while (`livedMs`). `deaths`
 * is at least 1.
 */
export function restMs(deaths: number, livedMs: number): number {
  const growing = Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** Math.min(deaths - 1, 16))
  return livedMs < LIVED_MS ? growing : Math.min(growing, Math.round(livedMs * REST_PART), REST_LIVED_MAX_MS)
}
