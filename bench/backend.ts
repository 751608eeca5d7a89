import { nginxConfig } from './peers/nginx-config.ts'
import { LOAD_CORE } from './plan.ts'
import { waitUntilAnswers } from './wait.ts'
import { freePort, type Workspace } from './workspace.ts'

/** Small, as most answers between services are: what is measured is the cost of a request, not of its bytes. */
const BODY = 'x'.repeat(110)

/** Starts the application behind the proxies: nginx with a constant answer. Returns its port. */
export async function startBackend(workspace: Workspace, nginx: string): Promise<number> {
  const port = await freePort()
  const server = `server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "${BODY}"; } }`
  const config = workspace.write('backend.conf', nginxConfig(workspace.dir, 'backend', server))
  const program = workspace.start(LOAD_CORE, nginx, ['-c', config, '-e', 'stderr'])
  await waitUntilAnswers(`http://127.0.0.1:${port}/`, [program])
  return port
}
