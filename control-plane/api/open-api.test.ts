import { expect, it } from 'vitest'
import { type ApiParts, apiRoutes } from './api.ts'
import type { ApiCall } from './router.ts'

/** Only what routes are made from: none of them is called but the one that describes the others. */
const parts = {
  world: { state: () => ({ world: { workloads: new Map() }, revision: 0 }), onChange: () => () => {} },
  store: { audit: {} },
  info: () => ({ version: '1.2.3' }),
} as unknown as ApiParts

/** What tells of the API itself. */
const ABOUT = /^\/(api|apis|openapi)(\.json|\/v3.*|\/v1|\/[^/]+|\/[^/]+\/v1)?$/

it('forgets no call that there is', async () => {
  const routes = apiRoutes(parts)
  const document = routes.find(({ path }) => path === '/openapi.json')
  const told = await document?.answer({} as ApiCall)
  const { paths } = (told?.ok === true && 'value' in told.value ? told.value.value : {}) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map(method => `${method.toUpperCase()} ${path}`),
  )
  const there = routes
    .filter(({ path }) => !ABOUT.test(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  expect(described.toSorted()).toEqual(there.toSorted())
})
