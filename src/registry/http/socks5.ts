import { once } from "node:events";
import type { Socket } from "node:net";

/**
 * The client's side of SOCKS 5.
 * https://www.rfc-editor.org/rfc/rfc1928, and https://www.rfc-editor.org/rfc/rfc1929 for user names and passwords
 */

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const PASSWORD = 2;
const CONNECT = 1;
const DOMAIN = 3;
/** How many bytes addresses of these types have; a domain says it in its first. */
const ADDRESS_LENGTHS = new Map([
  [1, 4],
  [4, 16],
]);

const REPLIES = new Map([
  [1, "a failure of its own"],
  [2, "not allowed"],
  [3, "the network cannot be reached"],
  [4, "the host cannot be reached"],
  [5, "connection refused"],
  [6, "the connection timed out"],
]);

export interface SocksUser {
  readonly name: string;
  readonly password: string;
}

/**
 * Asks the proxy at the other end of a socket for a connection to a host, whose name it is the proxy's to look up. After
 * that the socket is that connection.
 * @throws Error whose message is what follows on the proxy's name
 */
export async function socks5Connect(
  socket: Socket,
  host: string,
  port: number,
  user: SocksUser | undefined,
): Promise<void> {
  const take = reader(socket);
  const methods = user === undefined ? [NO_AUTHENTICATION] : [NO_AUTHENTICATION, PASSWORD];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await take(2);
  if (version !== VERSION) throw new Error("it does not speak SOCKS 5");
  if (method === PASSWORD && user !== undefined) {
    socket.write(Buffer.concat([Buffer.from([1]), withLength(user.name), withLength(user.password)]));
    const [, status] = await take(2);
    if (status !== 0) throw new Error("it does not accept its user name and password");
  } else if (method !== NO_AUTHENTICATION) {
    throw new Error("it wants a user name and a password in its URL");
  }
  const request = Buffer.from([VERSION, CONNECT, 0, DOMAIN]);
  socket.write(Buffer.concat([request, withLength(host), Buffer.from([port >> 8, port & 255])]));
  const [, reply = 1, , type = DOMAIN] = await take(4);
  if (reply !== 0) throw new Error(`it answered for ${host}: ${REPLIES.get(reply) ?? `error ${reply}`}`);
  // Where it speaks from itself, which is of no interest. The host says nothing before it is spoken to.
  const [length = 0] = ADDRESS_LENGTHS.has(type) ? [ADDRESS_LENGTHS.get(type)] : await take(1);
  await take(length + 2);
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.byteLength > 255) throw new Error("it takes no name of more than 255 bytes");
  return Buffer.concat([Buffer.from([bytes.byteLength]), bytes]);
}

/** Reads so many bytes at a time. */
function reader(socket: Socket): (count: number) => Promise<Buffer> {
  let held = Buffer.alloc(0);
  return async (count) => {
    while (held.byteLength < count) {
      const piece: unknown = socket.read();
      if (Buffer.isBuffer(piece)) held = Buffer.concat([held, piece]);
      else if (!socket.readable) throw new Error("it closed the connection");
      else await readableOrEnd(socket);
    }
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };
}

async function readableOrEnd(socket: Socket): Promise<void> {
  const settled = new AbortController();
  try {
    const { signal } = settled;
    await Promise.race([once(socket, "readable", { signal }), once(socket, "close", { signal })]);
  } finally {
    settled.abort();
  }
}
