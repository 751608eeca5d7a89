import { ok } from '../../common/mod.ts'
import { checkQuery } from './query.ts'
import type { Route } from './router.ts'

/** What a client needs to know before it can use the mesh. */
export interface MeshInfo {
  readonly version: string
  readonly trustDomain: string
  /** `host:port`, as is `discovery`. */
  readonly enrolment: string
  readonly discovery: string
}

export function infoRoutes(info: () => MeshInfo, newestRevision: () => number): Route[] {
  return [
    {
      method: 'GET',
      path: '/apis/selvedge.dev/v1/info',
      answer: async call => {
        const query = checkQuery(call.query, [])
        return query.ok ? ok({ code: 200, value: { ...info(), revision: newestRevision() } }) : query
      },
    },
  ]
}
