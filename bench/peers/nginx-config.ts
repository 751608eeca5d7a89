/** More than the most connections of a run, on both sides of the proxy. */
const CONNECTIONS_MAX = 4_096
/** nginx ends a kept-alive connection after so many requests (1,000 by default): never, here. */
const REQUESTS_MAX = 1_000_000_000

/** The parts that every nginx here shares: one worker in the foreground, no logs, connections kept for ever, files in `dir`. */
export function nginxConfig(dir: string, name: string, http: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `  ${kind}_temp_path ${dir}/${name}-${kind};`,
  )
  // As root, nginx would hand its worker to a user who may not enter our directory.
  const user = process.getuid?.() === 0 ? 'user root;\n' : ''
  return `${user}daemon off;
worker_processes 1;
pid ${dir}/${name}.pid;
error_log stderr error;
events { worker_connections ${CONNECTIONS_MAX}; }
http {
  access_log off;
  server_tokens off;
  keepalive_timeout 1h;
  keepalive_requests ${REQUESTS_MAX};
${paths.join('\n')}
  ${http}
}
`
}

/** A pool of kept-alive connections to one port. */
export function nginxUpstream(port: number): string {
  return `upstream far {
    server 127.0.0.1:${port};
    keepalive 512;
    keepalive_timeout 1h;
    keepalive_requests ${REQUESTS_MAX};
  }`
}
