/**
 * Whom the next attempt may go to (RETRY-5): those that are usable and were not tried yet, when there is one. After an
 * attempt that was lost, so that its endpoint may be dead, even one that is not usable: it failed some time ago, that
 * one just now. Else whoever is usable.
 *
 * @param tried endpoints of the attempts so far; empty before the first
 * @param lost whether the last attempt ended without an answer
 */
export function untriedFirst<T>(
  candidates: readonly T[],
  usable: (candidate: T) => boolean,
  tried: readonly T[],
  lost: boolean,
): (candidate: T) => boolean {
  if (tried.length === 0) return usable
  if (candidates.some(each => usable(each) && !tried.includes(each)))
    return each => usable(each) && !tried.includes(each)
  if (lost && candidates.some(each => !tried.includes(each))) return each => !tried.includes(each)
  return usable
}
