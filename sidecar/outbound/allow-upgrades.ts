import { upgradeDenial } from '../../decide/upgrade/mod.ts'
import type { Exchange, Filter } from '../http/mod.ts'
import { planOf } from './plan.ts'

/** Refuses to switch to what the Service doesn't allow, before anything is sent; the only place for a Service without sidecars. */
export function allowUpgrades(denied: (x: Exchange, why: string) => void): Filter {
  return {
    name: 'upgrades',
    request: x => {
      const { upgrade } = x.request
      if (upgrade === undefined) return 'next'
      const denial = upgradeDenial(planOf(x).carry.destination.settings.upgrades, upgrade)
      if (denial === undefined) return 'next'
      denied(x, denial)
      x.fail('denied', denial)
      return 'done'
    },
  }
}
