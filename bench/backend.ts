import { nginxConfig } from './peers/nginx-config.ts'
import { BULK_BYTES, BULK_PATH, LOAD_CORES, UPLOAD_PATH } from './plan.ts'
import { waitUntilAnswers } from './wait.ts'
import { findCommand, freePort, type Workspace } from './workspace.ts'

/** Small, as most answers between services are: what is measured is the cost of a request, not of its bytes. */
const BODY = 'x'.repeat(110)

export interface Backend {
  readonly http1: number
  /** HTTP/2 by prior knowledge. */
  readonly http2: number
}

/** Starts the application behind the proxies: small answers, large ones, and one that reads all of what it is sent. */
export async function startBackend(workspace: Workspace): Promise<Backend> {
  return { http1: await startNginx(workspace), http2: await startNghttpd(workspace) }
}

/** nghttpd is four times as fast as nginx with HTTP/2: with nginx it would be the load that is measured. Absent, it isn't wanted. */
async function startNghttpd(workspace: Workspace): Promise<number> {
  const port = await freePort()
  const nghttpd = findCommand('nghttpd')
  if (nghttpd === undefined) return port
  workspace.write('index.html', BODY)
  const args = ['--no-tls', '--workers=1', '--address=127.0.0.1', `--htdocs=${workspace.dir}`, String(port)]
  const program = workspace.start(LOAD_CORES, nghttpd, args)
  await waitUntilAnswers(`http://127.0.0.1:${port}/`, 'h2c', [program])
  return port
}

async function startNginx(workspace: Workspace): Promise<number> {
  const port = await freePort()
  const bulk = workspace.write('bulk', 'x'.repeat(BULK_BYTES))
  // What is mirrored must have been read to its end; and nginx refuses to POST to a file, which here is the way to an answer after that.
  const http = `
  client_max_body_size ${2 * BULK_BYTES};
  client_body_buffer_size ${2 * BULK_BYTES};
  sendfile on;
  server {
    listen 127.0.0.1:${port};
    default_type text/plain;
    location / { return 200 "${BODY}"; }
    location = ${BULK_PATH} { alias ${bulk}; }
    location = ${UPLOAD_PATH} { mirror /read; mirror_request_body on; alias ${bulk}; error_page 405 =200 @read; }
    location = /read { internal; return 204; }
    location @read { return 200 "${BODY}"; }
  }`
  const config = workspace.write('backend.conf', nginxConfig(workspace.dir, 'backend', http))
  const program = workspace.start(LOAD_CORES, findCommand('nginx') ?? 'nginx', ['-c', config, '-e', 'stderr'])
  await waitUntilAnswers(`http://127.0.0.1:${port}/`, 'http/1.1', [program])
  return port
}
