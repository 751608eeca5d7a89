// interop.Test of e2e/grpc, as a program of its own. Prints the port of the loopback where it listens.
import { startTestServer } from '../grpc/server.ts'

const { port } = await startTestServer(process.env.NAME)
console.log(`listens at ${port}`)
