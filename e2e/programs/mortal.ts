// Lives for as long as LIFE_MS says, then ends with exit status 3. While it lives it answers with its process id.
import { createServer } from 'node:http'

const server = createServer((_request, response) => response.end(`${process.pid}\n`))
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log(`mortal ${process.pid} lives`))
setTimeout(() => process.exit(3), Number(process.env.LIFE_MS))
