import type { Filter } from '../http/mod.ts'

/** Refuses every request while memory is full: before anything is done for it, so that it may be repeated elsewhere. One boolean. */
export function shed(overload: { readonly refusesRequests: boolean }): Filter {
  return {
    name: 'shed',
    request: x => {
      if (!overload.refusesRequests) return 'next'
      x.fail('overload', 'the memory of this sidecar is full')
      return 'done'
    },
  }
}
