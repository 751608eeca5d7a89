import { err, ok } from '../../common/mod.ts'
import type { Route } from './router.ts'

/** For probes, without a token: they tell nothing but yes or no. */
export function healthRoutes(ready: () => boolean): Route[] {
  return [
    { method: 'GET', path: '/healthz', open: true, answer: async () => ok({ code: 200, value: { status: 'ok' } }) },
    {
      method: 'GET',
      path: '/readyz',
      open: true,
      answer: async () =>
        ready()
          ? ok({ code: 200, value: { status: 'ok' } })
          : err({ code: 503, message: 'Cannot serve yet: the control plane is starting or closing. Ask again.' }),
    },
  ]
}
