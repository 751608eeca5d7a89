/**
 * Works something out of an immutable object once, and keeps it as long as the object lives. Worlds share the maps that did not
 * change, so what is kept with a map survives changes elsewhere.
 */
export function memoOf<Source extends object, Derived>(
  derive: (source: Source) => Derived,
): (source: Source) => Derived {
  const known = new WeakMap<Source, Derived>()
  return source => {
    let derived = known.get(source)
    if (derived === undefined) {
      derived = derive(source)
      known.set(source, derived)
    }
    return derived
  }
}
