import type { Brand, ServiceKey } from '../../common/mod.ts'
import type { EndpointsSnapshot, SelfSnapshot, ServiceSnapshot } from '../../model/snapshot/mod.ts'
import type { ContentVersion } from './version.ts'

/** `self`, `service/<namespace>/<name>` or `endpoints/<namespace>/<name>`: what versions are held by. */
export type ResourceName = Brand<string, 'ResourceName'>

/** One compiled thing that a sidecar may hold. Shared by all sidecars that receive it. */
export type Resource =
  | { readonly kind: 'self'; readonly version: ContentVersion; readonly content: SelfSnapshot }
  | { readonly kind: 'service'; readonly version: ContentVersion; readonly content: ServiceSnapshot }
  | { readonly kind: 'endpoints'; readonly version: ContentVersion; readonly content: EndpointsSnapshot }
  | { readonly kind: 'absent'; readonly version: ContentVersion; readonly service: ServiceKey }

export const SELF = 'self' as ResourceName

export function serviceResource(key: ServiceKey): ResourceName {
  return `service/${key}` as ResourceName
}

export function endpointsResource(key: ServiceKey): ResourceName {
  return `endpoints/${key}` as ResourceName
}

/** The Service whose rules a name means; `undefined` for `self` and endpoints. */
export function serviceOfResource(name: string): ServiceKey | undefined {
  return name.startsWith('service/') ? (name.slice('service/'.length) as ServiceKey) : undefined
}
