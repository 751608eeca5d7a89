// npm's undici with the agent that it offers for the environment; it tunnels plain HTTP through CONNECT, unlike all others here.
import { EnvHttpProxyAgent, request } from 'undici'

const dispatcher = new EnvHttpProxyAgent()
for (;;) {
  const { statusCode, body } = await request('http://pages/from-undici', { dispatcher })
  console.log(`undici got ${statusCode}: ${(await body.text()).trim()}`)
  await new Promise(resolve => setTimeout(resolve, 500))
}
