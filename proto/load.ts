import { fileURLToPath } from 'node:url'
import { type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { ProtoGrpcType as DiscoveryTypes } from './generated/discovery.ts'
import type { ProtoGrpcType as IdentityTypes } from './generated/identity.ts'
import type { ProtoGrpcType as TelemetryTypes } from './generated/telemetry.ts'

// From the sources, this file is proto/load.ts; compiled, dist/proto/load.js. The .proto files stand in proto/ for both.
const here = fileURLToPath(new URL('.', import.meta.url))
const root = here.endsWith('/dist/proto/') ? `${here}../../proto` : here

/** The same options that `npm run generate` hands to proto-loader-gen-types: the types are true only with them. */
function load(path: string): GrpcObject {
  return loadPackageDefinition(
    loadSync(path, { includeDirs: [root], keepCase: false, longs: Number, defaults: true, arrays: true, oneofs: true }),
  )
}

/** Client and service definition of the discovery stream. Parses the .proto: call once, when a program starts. */
export function loadDiscovery(): DiscoveryTypes['selvedge']['discovery']['v1'] {
  return (load('selvedge/discovery/v1/discovery.proto') as unknown as DiscoveryTypes).selvedge.discovery.v1
}

export function loadIdentity(): IdentityTypes['selvedge']['identity']['v1'] {
  return (load('selvedge/identity/v1/identity.proto') as unknown as IdentityTypes).selvedge.identity.v1
}

export function loadTelemetry(): TelemetryTypes['selvedge']['telemetry']['v1'] {
  return (load('selvedge/telemetry/v1/telemetry.proto') as unknown as TelemetryTypes).selvedge.telemetry.v1
}
