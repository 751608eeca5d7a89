import { ok, type Port, type Result } from '../common/mod.ts'
import { type AdminView, adminPages, metricsPages } from './admin/mod.ts'
import { probePages } from './application-probes/mod.ts'
import type { SidecarConfig } from './config.ts'
import { type CommonDoorParts, doorOptions, plainServer } from './doors.ts'
import { listenAll } from './listen-all.ts'
import type { OwnListener } from './own-listeners.ts'
import type { Protection } from './protection.ts'
import { Door } from './session/mod.ts'
import { SharedReads } from './transport/mod.ts'

const PAGES_IDLE_MS = 30_000

export interface PageParts extends CommonDoorParts {
  readonly config: SidecarConfig
  readonly view: AdminView
  readonly protection: Protection
}

/** Where people and probes ask. */
export interface Pages {
  readonly ports: { readonly admin: Port; readonly metrics: Port }
  readonly listeners: readonly OwnListener[]
  sweep(): void
  close(): void
}

/** Opens the two doors for pages, or none. */
export async function openPages(parts: PageParts): Promise<Result<Pages, string>> {
  const { config, view, protection } = parts
  const admin = new Door({ ...doorOptions(parts, 'admin', PAGES_IDLE_MS), begin: adminPages(view) })
  const metrics = new Door({
    ...doorOptions(parts, 'metrics', PAGES_IDLE_MS),
    begin: probePages(config.probes, config.applicationHost, metricsPages(view)),
  })
  const shared = new SharedReads()
  const servers = { admin: plainServer(admin, shared), metrics: plainServer(metrics, shared) }
  protection.guardPages(servers.admin)
  protection.guardPages(servers.metrics)
  const opened = await listenAll([
    { server: servers.admin, host: '127.0.0.1', port: config.ports.admin, flag: '--admin-port' },
    { server: servers.metrics, host: config.metricsHost, port: config.ports.metrics, flag: '--metrics-port' },
  ])
  if (!opened.ok) return opened
  const { listeners, close } = opened.value
  return ok({
    ports: { admin: listeners[0]!.port, metrics: listeners[1]!.port },
    listeners,
    sweep: () => {
      admin.sweep()
      metrics.sweep()
    },
    close: () => {
      close()
      admin.destroyAll()
      metrics.destroyAll()
    },
  })
}
