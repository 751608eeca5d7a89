import { upgradeDenial } from '../../decide/upgrade/mod.ts'
import type { Exchange, Filter } from '../http/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'

/** Refuses to switch to what the port's Services don't allow. Here it holds for everybody, also for who has no sidecar, or goes round it. */
export function allowUpgrades(policy: CurrentPolicy, denied: (x: Exchange, why: string) => void): Filter {
  return {
    name: 'upgrades',
    request: x => {
      const { upgrade } = x.request
      if (upgrade === undefined) return 'next'
      const port = policy.self?.ports.find(each => each.port === x.plan)
      const denial = upgradeDenial(port?.upgrades, upgrade)
      if (denial === undefined) return 'next'
      denied(x, denial)
      x.fail('denied', denial)
      return 'done'
    },
  }
}
