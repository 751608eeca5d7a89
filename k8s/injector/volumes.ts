import type { JsonObject } from './json.ts'
import { IDENTITY_VOLUME, STATE_VOLUME, TOKEN_KEY } from './names.ts'

/** Kubernetes renews the token at 80% of this. */
const TOKEN_SECONDS = 3_600

/** What shows who the pod is (its service account's token, for this mesh alone, and the join token), and memory for what the sidecar keeps. */
export function injectedVolumes(trustDomain: string, joinTokenSecret: string): readonly JsonObject[] {
  return [
    {
      name: IDENTITY_VOLUME,
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: `spiffe://${trustDomain}`,
              expirationSeconds: TOKEN_SECONDS,
              path: 'service-account-token',
            },
          },
          { secret: { name: joinTokenSecret, items: [{ key: TOKEN_KEY, path: 'join-token' }] } },
        ],
      },
    },
    // In memory: a key is in there. It outlives a restart of the container, not the pod.
    { name: STATE_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
  ]
}
