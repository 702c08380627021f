// A line between client and registry that is as long as it is told to be.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * @typedef {object} LatencyProxy
 * @property {number} port
 * @property {(rtt: number) => void} reset sets the round trip time in milliseconds, and the counts to nothing
 * @property {() => { connections: number, bytes: number }} counts what went through since `reset`, both ways
 * @property {() => void} close
 */

/**
 * Every byte takes half a round trip, either way. Connecting to a port of the own machine takes no time, so that the
 * round trip of TCP's handshake is charged to the first bytes of the client: they wait for it.
 * @param {string} address
 * @param {{ host: string, port: number }} target
 * @returns {Promise<LatencyProxy>}
 */
export async function startProxy(address, target) {
  let rtt = 0;
  let connections = 0;
  let bytes = 0;
  /** @type {Set<import("node:net").Socket>} */
  const open = new Set();

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections++;
    const connectedAt = performance.now() + rtt;
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    delay(client, upstream, connectedAt);
    delay(upstream, client, connectedAt);
  });

  /**
   * @param {import("node:net").Socket} from
   * @param {import("node:net").Socket} to
   * @param {number} notBefore
   */
  function delay(from, to, notBefore) {
    const half = rtt / 2;
    /** In order, whatever timers do. @type {{ due: number, act: () => void }[]} */
    const waiting = [];
    const flush = () => {
      while (waiting[0] !== undefined && waiting[0].due <= performance.now()) waiting.shift()?.act();
      if (waiting[0] !== undefined) setTimeout(flush, waiting[0].due - performance.now());
    };
    /** @param {() => void} act */
    const later = (act) => {
      waiting.push({ due: Math.max(performance.now(), notBefore) + half, act });
      if (waiting.length === 1) flush();
    };
    from.on("data", (chunk) => {
      bytes += chunk.byteLength;
      later(() => to.write(chunk));
    });
    from.on("end", () => {
      later(() => {
        to.end();
      });
    });
    from.on("error", () => {
      to.destroy();
    });
    from.on("close", () => {
      later(() => {
        to.destroySoon();
      });
    });
  }

  server.listen(0, address);
  await once(server, "listening");
  const listening = server.address();
  if (listening === null || typeof listening === "string") throw new Error("the proxy does not listen");
  return {
    port: listening.port,
    reset: (milliseconds) => {
      rtt = milliseconds;
      connections = 0;
      bytes = 0;
    },
    counts: () => ({ connections, bytes }),
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
