import { ok, type Result } from '../../common/mod.ts'
import { KINDS, type KindInfo } from '../../model/resources/mod.ts'
import { rootOf } from './resources.ts'
import type { ApiAnswer, Route } from './router.ts'
import type { Refusal } from './status.ts'

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']

/**
 * Which groups, versions and kinds there are, as Kubernetes tells it: kubectl and client libraries begin here.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
 */
export function discoveryRoutes(): Route[] {
  const groups = [...new Set(KINDS.map(({ group }) => group))].filter(group => group !== '').map(groupOf)
  const versions = [...new Set(KINDS.map(rootOf))]
  return [
    told('/api', {
      kind: 'APIVersions',
      versions: [...new Set(KINDS.filter(({ group }) => group === '').map(({ version }) => version))],
      serverAddressByClientCIDRs: [],
    }),
    told('/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups }),
    ...groups.map(group => told(`/apis/${group.name}`, { kind: 'APIGroup', apiVersion: 'v1', ...group })),
    ...versions.map(root => told(root, resourcesOf(KINDS.filter(info => rootOf(info) === root)))),
  ]
}

/** Whatever a client says beside its question (`timeout=32s`), the answer is the same. */
function told(path: string, value: object): Route {
  const answer = async (): Promise<Result<ApiAnswer, Refusal>> => ok({ code: 200, value })
  return { method: 'GET', path, answer }
}

function groupOf(name: string) {
  const versions = KINDS.filter(({ group }) => group === name).map(({ version }) => version)
  const known = [...new Set(versions)].map(version => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: known, preferredVersion: known[0] }
}

function resourcesOf(kinds: readonly KindInfo[]): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: kinds[0]?.apiVersion,
    resources: kinds.map(({ kind, plural, shortNames }) => ({
      name: plural,
      singularName: kind.toLowerCase(),
      namespaced: true,
      kind,
      verbs: VERBS,
      shortNames,
    })),
  }
}
