export const SIDECAR_NAME = 'selvedge-sidecar'
export const INIT_NAME = 'selvedge-init'
export const IDENTITY_VOLUME = 'selvedge-identity'
export const STATE_VOLUME = 'selvedge-state'
export const VOLUMES: readonly string[] = [IDENTITY_VOLUME, STATE_VOLUME]
/** Where the identity volume is mounted. */
export const IDENTITY_DIR = '/var/run/selvedge/identity'
/** Where the state volume is mounted; the sidecar's own folder is below, which is its alone. */
export const STATE_DIR = '/var/lib/selvedge'
/** In the Secret that an operator makes. */
export const TOKEN_KEY = 'token'
export const OUTBOUND_PORT = 15_001
export const INBOUND_PORT = 15_006
