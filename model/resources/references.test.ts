import { describe, expect, test } from 'vitest'
import { type ServiceKey, serviceKey } from '../../common/mod.ts'
import { checkReferences, formatProblem, parseResources, type Resource } from './mod.ts'
import type { ReferenceWorld } from './references.ts'

function resourcesOf(text: string): Resource[] {
  const parsed = parseResources(text)
  if (!parsed.ok) throw new Error(parsed.error.map(formatProblem).join('\n'))
  return parsed.value
}

function worldWith(resources: readonly Resource[]): ReferenceWorld {
  const services = new Map<ServiceKey, Extract<Resource, { kind: 'Service' }>>()
  const trafficPolicies = new Map<string, Extract<Resource, { kind: 'TrafficPolicy' }>>()
  const httpRoutes = new Map<string, Extract<Resource, { kind: 'HTTPRoute' }>>()
  for (const resource of resources) {
    const { namespace, name } = resource.metadata
    if (resource.kind === 'HTTPRoute') httpRoutes.set(`${namespace}/${name}`, resource)
    if (resource.kind === 'Service') services.set(serviceKey(namespace, name), resource)
    if (resource.kind === 'TrafficPolicy') trafficPolicies.set(`${namespace}/${name}`, resource)
  }
  return { services, httpRoutes, trafficPolicies }
}

function warningsOf(text: string): string[] {
  const resources = resourcesOf(text)
  return checkReferences(worldWith(resources), resources).map(formatProblem)
}

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{port: 80}]}\n---\n'
const policy = (name: string, target: string) =>
  `apiVersion: selvedge.dev/v1\nkind: TrafficPolicy\nmetadata: {name: ${name}}\nspec: {targetRef: {kind: Service, name: ${target}}}\n---\n`
const route = (spec: string) =>
  `${SERVICE}apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: {${spec}}\n`
const PARENT = 'parentRefs: [{group: "", kind: Service, name: reviews}]'
const RULES = 'rules: [{backendRefs: [{name: reviews, port: 80}]}]'

const RULE = 'backendRefs: [{name: reviews, port: 80}]'
const rules = (...matches: readonly string[]) =>
  route(`${PARENT}, rules: [${matches.map(match => `{matches: [${match}], ${RULE}}`).join(', ')}]`)
const taken = (path: string, by: string) =>
  `HTTPRoute default/r: ${path} can never match: ${by} takes the same requests, and comes first`

describe('warnings about matches that no request reaches [API-9]', () => {
  test.each([
    [
      'two rules for everything',
      rules('{}', '{path: {value: /}}'),
      [taken('spec.rules[1].matches[0]', 'spec.rules[0].matches[0]')],
    ],
    [
      'one prefix twice, once with a trailing slash',
      rules('{path: {value: /a}}, {path: {value: /b}}', '{path: {value: /b/}}'),
      [taken('spec.rules[1].matches[0]', 'spec.rules[0].matches[1]')],
    ],
    [
      'the same headers in another order and case',
      rules(
        '{headers: [{name: a, value: x}, {name: B, value: y}]}',
        '{headers: [{name: b, value: y}, {name: A, value: x}]}',
      ),
      [taken('spec.rules[1].matches[0]', 'spec.rules[0].matches[0]')],
    ],
    [
      'a header twice in one match',
      rules('{headers: [{name: a, value: x}, {name: A, value: y}]}'),
      [
        'HTTPRoute default/r: spec.rules[0].matches[0].headers[1] has no effect: of two entries for A only the first counts',
      ],
    ],
    [
      'matches that differ in what is more specific',
      rules('{}', '{method: GET}', '{headers: [{name: a, value: x}]}', '{path: {type: Exact, value: /}}'),
      [],
    ],
    [
      'query names, which have case',
      rules('{queryParams: [{name: a, value: x}]}', '{queryParams: [{name: A, value: x}]}'),
      [],
    ],
  ])('%s', (_, text, warnings) => {
    expect(warningsOf(text)).toEqual(warnings)
  })

  const other = (spec: string) =>
    `---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: s}\nspec: {${spec}}\n`
  test('two routes of one Service', () => {
    const text = (which: string, path: string) =>
      `HTTPRoute default/${which}: spec.rules[0].matches[0] takes the same requests as spec.rules[0].matches[0] of HTTPRoute default/${path}: the older of the two routes gets them all`
    expect(warningsOf(route(`${PARENT}, ${RULES}`) + other(`${PARENT}, ${RULES}`))).toEqual([
      text('r', 's'),
      text('s', 'r'),
    ])
  })

  test('two routes of different ports of one Service do not meet', () => {
    const at = (port: number) => `parentRefs: [{group: "", kind: Service, name: reviews, port: ${port}}], ${RULES}`
    const warnings = warningsOf(route(at(80)) + other(at(81)))
    expect(warnings.filter(warning => warning.includes('same requests'))).toEqual([])
  })
})

describe('warnings about references', () => {
  test.each([
    ['all is there', route(`${PARENT}, ${RULES}`), []],
    [
      'a backend that is not there [API-9]',
      route(`${PARENT}, rules: [{backendRefs: [{name: review, port: 80}]}]`),
      [
        'HTTPRoute default/r: spec.rules[0].backendRefs[0] names no Service: default/review is not there: did you mean reviews?; its share of the requests is answered with 500',
      ],
    ],
    [
      'a port of a backend that is not there',
      route(`${PARENT}, rules: [{backendRefs: [{name: reviews, port: 81}]}]`),
      [
        'HTTPRoute default/r: spec.rules[0].backendRefs[0] names a port that does not exist: Service default/reviews has 80, not 81; its share of the requests is answered with 500',
      ],
    ],
    [
      'a parent in another namespace',
      route(`parentRefs: [{group: "", kind: Service, name: reviews, namespace: other}], ${RULES}`),
      ['HTTPRoute default/r: spec.parentRefs[0] names no Service: other/reviews is not there'],
    ],
    [
      'a parent without its group',
      route(`parentRefs: [{kind: Service, name: reviews}], ${RULES}`),
      [
        'HTTPRoute default/r: spec.parentRefs[0].group is missing: on Kubernetes this means gateway.networking.k8s.io; write group: "" for a Service',
      ],
    ],
    [
      'hostnames',
      route(`${PARENT}, ${RULES}, hostnames: [a.example]`),
      [
        'HTTPRoute default/r: spec.hostnames has no effect: hostnames are ignored for routes that attach to a Service (Gateway API)',
      ],
    ],
    [
      'a policy for nothing',
      policy('a', 'revews'),
      ['TrafficPolicy default/a: spec.targetRef names no Service: default/revews is not there'],
    ],
    [
      'two policies for one Service',
      `${SERVICE}${policy('a', 'reviews')}${policy('b', 'reviews')}`,
      [
        'TrafficPolicy default/a: spec.targetRef names reviews, as TrafficPolicy default/b does: the older of the two holds',
        'TrafficPolicy default/b: spec.targetRef names reviews, as TrafficPolicy default/a does: the older of the two holds',
      ],
    ],
  ])('%s', (_, text, warnings) => {
    expect(warningsOf(text)).toEqual(warnings)
  })
})
