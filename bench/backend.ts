import { nginxConfig } from './peers/nginx-config.ts'
import { BULK_BYTES, BULK_PATH, LOAD_CORES, UPLOAD_PATH } from './plan.ts'
import { waitUntilAnswers } from './wait.ts'
import { freePort, type Workspace } from './workspace.ts'

/** Small, as most answers between services are: what is measured is the cost of a request, not of its bytes. */
const BODY = 'x'.repeat(110)

export interface Backend {
  readonly http1: number
  /** HTTP/2 by prior knowledge: nginx 1.22 speaks one of them on a port without TLS. */
  readonly http2: number
}

/** Starts the application behind the proxies: nginx with constant answers, and one that reads all of what it is sent. */
export async function startBackend(workspace: Workspace, nginx: string): Promise<Backend> {
  const [http1, http2] = [await freePort(), await freePort()]
  const bulk = workspace.write('bulk', 'x'.repeat(BULK_BYTES))
  // What is mirrored must have been read to its end; and nginx refuses to POST to a file, which here is the way to an answer after that.
  const http = `
  client_max_body_size ${2 * BULK_BYTES};
  client_body_buffer_size ${2 * BULK_BYTES};
  sendfile on;
  server {
    listen 127.0.0.1:${http1};
    listen 127.0.0.1:${http2} http2;
    default_type text/plain;
    location / { return 200 "${BODY}"; }
    location = ${BULK_PATH} { alias ${bulk}; }
    location = ${UPLOAD_PATH} { mirror /read; mirror_request_body on; alias ${bulk}; error_page 405 =200 @read; }
    location = /read { internal; return 204; }
    location @read { return 200 "${BODY}"; }
  }`
  const config = workspace.write('backend.conf', nginxConfig(workspace.dir, 'backend', http))
  const program = workspace.start(LOAD_CORES, nginx, ['-c', config, '-e', 'stderr'])
  await waitUntilAnswers(`http://127.0.0.1:${http1}/`, 'http/1.1', [program])
  await waitUntilAnswers(`http://127.0.0.1:${http2}/`, 'h2c', [program])
  return { http1, http2 }
}
