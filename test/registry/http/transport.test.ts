import { once } from "node:events";
import { createServer } from "node:tls";
import { expect, test } from "vitest";
import { createTransport } from "../../../src/registry/http/transport.js";
import { certificate, privateKey } from "../../helpers/certificates.js";

test("closes a connection that no request has taken: it would keep the program from ending", async () => {
  const server = createServer({ cert: certificate("server"), key: privateKey("server") });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const transport = createTransport({
    concurrency: 1,
    tls: () => Promise.resolve({ verify: false }),
    roots: () => Promise.resolve([]),
    proxyFor: () => undefined,
    userAgent: "test",
  });
  const connected = once(server, "secureConnection");
  const url = new URL(`https://127.0.0.1:${port}/v2/`);
  // undici refuses such a header before it looks for a connection.
  const headers = { authorization: "Bearer of\nbad news" };
  await expect(transport.send({ method: "GET", url, headers, idempotent: true })).rejects.toThrow("header");
  await connected;
  await transport.close();
  // Ends when the last connection does.
  await new Promise((resolve) => server.close(resolve));
});
