import { resolve } from 'node:path'
import type { ProcessInstance } from '../../model/resources/mod.ts'
import { Member, type MemberPorts, type MemberSurroundings } from './member.ts'
import { freePorts } from './ports.ts'

const SIDECAR_PORTS = 4
/**
 * `up` ends within two seconds. Each step has its part of them: what does not end in its time is killed, and the next step begins.
 */
const GRACE_MS = { clients: 500, servers: 350, sidecars: 600 } as const

/** All programs of one mesh on this machine, each with its sidecar. */
export class Mesh {
  readonly servers: readonly Member[]
  readonly clients: readonly Member[]

  constructor(servers: readonly Member[], clients: readonly Member[]) {
    this.servers = servers
    this.clients = clients
  }

  get members(): readonly Member[] {
    return [...this.servers, ...this.clients]
  }

  /** Callers first, so that nobody's call is lost; sidecars after all programs, because a program's last call needs one. */
  async stop(): Promise<void> {
    await Promise.all(this.clients.map(member => member.stopProgram(GRACE_MS.clients)))
    await Promise.all(this.servers.map(member => member.stopProgram(GRACE_MS.servers)))
    await Promise.all(this.members.map(member => member.stopSidecar(GRACE_MS.sidecars)))
  }

  /** Ends everything at once, without asking. */
  kill(): void {
    for (const member of this.members) member.kill()
  }
}

/** Gives each instance its ports and its name. Nothing is started. */
export async function assembleMesh(
  programs: { readonly servers: readonly ProcessInstance[]; readonly clients: readonly ProcessInstance[] },
  around: MemberSurroundings,
  random: () => number,
): Promise<Mesh> {
  const instances = [...programs.servers, ...programs.clients]
  const names = memberNames(instances)
  const ports = await freePorts(instances.length * (SIDECAR_PORTS + 1), random)
  const members = instances.map((instance, i) => {
    const own = ports.slice(i * (SIDECAR_PORTS + 1))
    return new Member(
      instance,
      memberPorts(instance, own),
      { name: names[i] ?? instance.name, cwd: resolve(around.folder, instance.cwd ?? '.') },
      around,
    )
  })
  return new Mesh(members.slice(0, programs.servers.length), members.slice(programs.servers.length))
}

/** The ports of one instance out of free ones. A server without a port of its own gets one; a client listens nowhere. */
export function memberPorts(instance: ProcessInstance, free: readonly number[]): MemberPorts {
  const [outbound = 0, inbound = 0, admin = 0, metrics = 0, spare = 0] = free
  return {
    outbound,
    inbound,
    admin,
    metrics,
    program: instance.port ?? (instance.service === undefined ? undefined : spare),
  }
}

/** What lines are prefixed with: the instance's name, and its namespace where two share one name. */
export function memberNames(instances: readonly ProcessInstance[]): string[] {
  const seen = Map.groupBy(instances, ({ name }) => name)
  return instances.map(({ namespace, name }) => (seen.get(name)?.length === 1 ? name : `${namespace}/${name}`))
}
