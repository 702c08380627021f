import { createSecureServer, type SecureServerOptions } from "node:http2";
import { createServer } from "node:https";
import { connect, createServer as createTcpServer } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { HttpRequest } from "../../../src/registry/http/message.js";
import { createTransport } from "../../../src/registry/http/transport.js";
import { TransportError } from "../../../src/registry/http/transportError.js";
import { certificate, certificateFile, privateKey, type KeyedName } from "../../helpers/certificates.js";
import { answer, listen, startPeer } from "../../helpers/peer.js";
import { startProxy } from "../../helpers/proxy.js";
import { describeWithPrograms, startRegistryServer } from "../../helpers/registryServer.js";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What a client gets that shows this certificate, or none. */
async function ask(
  host: string,
  shown: KeyedName | undefined,
  {
    proxy,
    bulk = false,
    ahead = false,
  }: { proxy?: string | undefined; bulk?: boolean; ahead?: boolean } = {},
): Promise<number | TransportError> {
  const transport = createTransport({
    tls: () =>
      Promise.resolve({
        verify: true,
        ca: [certificate("ca")],
        ...(shown && { cert: [certificate(shown)], key: [privateKey(shown)] }),
      }),
    roots: () => Promise.resolve([]),
    proxyFor: () => (proxy === undefined ? undefined : new URL(proxy)),
    userAgent: "test",
  });
  closing.unshift(transport.close);
  const url = new URL(`https://${host}/v2/`);
  if (ahead) {
    transport.connectAhead(url, 1);
    // So long that it is refused before it is needed.
    await sleep(200);
  }
  const length = 8 * 1024 * 1024;
  const pieces = function* () {
    for (let left = length; left > 0; left -= 65_536) yield Buffer.alloc(65_536);
  };
  const request: HttpRequest = {
    method: bulk ? "PUT" : "GET",
    url,
    idempotent: true,
    ...(bulk && { body: { length, open: () => Readable.from(pieces()) } }),
  };
  try {
    return (await transport.send(request)).status;
  } catch (error) {
    if (error instanceof TransportError) return error;
    throw error;
  }
}

const put = (host: string): string => `: put client.cert and client.key into certs.d/${host}/ (`;

describe.each(["mutual", "mutual-h2"] as const)("a server that wants a client certificate (%s)", (speaks) => {
  const started = async () => {
    const peer = await startPeer({
      speaks,
      intercept: (request, response) => {
        request.resume();
        return answer(response, 200);
      },
    });
    closing.push(peer.close);
    return peer;
  };

  describe.each([
    ["directly", false],
    ["through a proxy", true],
  ])("%s", (_, proxied) => {
    describe.each([
      ["a request", false],
      ["an upload", true],
    ])("%s", (__, bulk) => {
      test.each([
        ["none", undefined, " wants a client certificate"],
        ["an expired one", "expired", " may want a client certificate, or another one"],
        ["one of an unknown authority", "stranger", " may want a client certificate, or another one"],
      ] as const)("gets %s and is named, with what to do", async (___, shown, text) => {
        const { port } = await started();
        const proxy = proxied ? await startProxy(port) : undefined;
        if (proxy !== undefined) closing.unshift(proxy.close);
        const host = proxied ? "registry.example" : `127.0.0.1:${port}`;
        const got = await ask(host, shown, { bulk, proxy: proxy && `http://${proxy.host}` });
        if (!(got instanceof TransportError)) throw new Error(`it was accepted: ${got}`);
        expect(got.message).toContain(`${host} `);
        expect(got.message).toContain(text + put(host));
        expect(got.message).not.toContain("\n");
      });

      test("gets one that it takes", async () => {
        const { port } = await started();
        expect(await ask(`127.0.0.1:${port}`, "client", { bulk })).toBe(200);
      });
    });
  });
});

test("a proxy that wants a client certificate is what is named", async () => {
  const ca = [certificate("ca"), certificate("clients")];
  const proxy = await listen(
    createServer({
      ca,
      cert: certificate("server"),
      key: privateKey("server"),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  );
  closing.push(proxy.close);
  const host = `127.0.0.1:${proxy.port}`;
  const got = await ask("registry.example", undefined, { proxy: `https://${host}` });
  expect(got).toMatchObject({
    message: expect.stringContaining(`the proxy ${host} wants a client certificate${put(host)}`) as unknown,
    isProxys: true,
  });
});

test.each(["mutual", "mutual-h2"] as const)(
  "a connection on which it was refused before there was a request, and that stays open, gets none (%s)",
  async (speaks) => {
    const peer = await startPeer({ speaks });
    closing.push(peer.close);
    const relay = await listen(
      createTcpServer((client) => {
        const server = connect(peer.port, "127.0.0.1");
        server.on("data", (bytes) => client.write(bytes)).on("error", () => undefined);
        client.on("data", (bytes) => server.write(bytes)).on("error", () => undefined);
        client.once("close", () => server.destroy());
      }),
    );
    closing.unshift(relay.close);
    const host = `127.0.0.1:${relay.port}`;
    expect(await ask(host, undefined, { ahead: true })).toMatchObject({
      message: expect.stringContaining(" wants a client certificate" + put(host)) as unknown,
    });
  },
);

const OLD: SecureServerOptions = {
  ca: [certificate("ca"), certificate("clients")],
  cert: certificate("server"),
  key: privateKey("server"),
  requestCert: true,
  rejectUnauthorized: true,
  maxVersion: "TLSv1.2",
};

describe.each([
  ["HTTP/1.1", () => createServer(OLD)],
  ["HTTP/2", () => createSecureServer(OLD)],
])("a server by TLS 1.2 and %s", (_, create) => {
  test.each([
    ["none", undefined, "has broken off the handshake and may want a client certificate"],
    ["an expired one", "expired", "may want a client certificate, or another one"],
    ["one of an unknown authority", "stranger", "may want a client certificate, or another one"],
  ] as const)("gets %s and is named, with what to do", async (__, shown, text) => {
    const server = await listen(create());
    closing.push(server.close);
    const host = `127.0.0.1:${server.port}`;
    for (const bulk of [false, true]) {
      expect(await ask(host, shown, { bulk })).toMatchObject({
        message: expect.stringContaining(text + put(host)) as unknown,
      });
    }
  });
});

test("a server that closes each connection in the handshake is not said to want a certificate", async () => {
  const server = await listen(createTcpServer((socket) => socket.once("data", () => socket.end())));
  closing.push(server.close);
  const host = `127.0.0.1:${server.port}`;
  expect(await ask(host, "client")).toMatchObject({
    reason: `${host}: the connection was closed by the other side`,
  });
});

test("a server that breaks a connection for another reason is not said to want a certificate", async () => {
  let count = 0;
  const peer = await startPeer({
    speaks: "tls",
    intercept: (request) => {
      count++;
      request.socket.destroy();
      return true;
    },
  });
  closing.push(peer.close);
  const got = await ask(peer.host, undefined);
  expect(got).toMatchObject({ reason: `${peer.host}: the connection was closed by the other side` });
  expect(count).toBe(1);
});

describeWithPrograms("distribution, which is Go and says why", ["docker-registry"], () => {
  test.each([
    ["none", undefined, / wants a client certificate/],
    ["an expired one", "expired", / refuses the client certificate, which has expired|, or another one/],
    [
      "one of an unknown authority",
      "stranger",
      / refuses the client certificate, whose CA it does not know|, or another one/,
    ],
  ] as const)("%s", async (_, shown, text) => {
    const registry = await startRegistryServer({
      tls: {
        certificate: certificateFile("server"),
        key: certificateFile("server").replace(/crt$/, "key"),
        clientcas: [certificateFile("clients")],
      },
    });
    closing.push(() => registry.close());
    for (const bulk of [false, true]) {
      const got = await ask(registry.host, shown, { bulk });
      if (!(got instanceof TransportError)) throw new Error(`it was accepted: ${got}`);
      expect(got.message).toMatch(text);
      expect(got.message).toContain(put(registry.host));
    }
  });
});
