import fc from 'fast-check'
import { expect, test } from 'vitest'
import { untriedFirst } from './mod.ts'

test('[RETRY-5] a retry may go to the best class of endpoints that has one, and to all of that class', () => {
  const endpoint = fc.record({ usable: fc.boolean(), tried: fc.boolean() })
  fc.assert(
    fc.property(fc.array(endpoint, { maxLength: 6 }), fc.boolean(), (all, lost) => {
      const tried = all.filter(each => each.tried)
      const allowed = all.filter(untriedFirst(all, each => each.usable, tried, lost))
      const classes = [
        all.filter(each => each.usable && !each.tried),
        lost && tried.length > 0 ? all.filter(each => !each.tried) : [],
        all.filter(each => each.usable),
      ]
      expect(allowed).toEqual(classes.find(each => each.length > 0) ?? [])
    }),
  )
})
