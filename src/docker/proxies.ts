import { BlockList, isIP } from "node:net";
import { domainToASCII } from "node:url";
import { ManifestError } from "../errors.js";
import { isLoopback } from "../go/loopback.js";

/**
 * The proxy for a URL, from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, with the rules of Go, which docker follows.
 * https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */

type Environment = Readonly<Record<string, string | undefined>>;

const PROXY_PROTOCOLS = new Set(["http:", "https:", "socks5:", "socks5h:"]);
const DEFAULT_PORTS = new Map([
  ["http:", "80"],
  ["https:", "443"],
]);

/**
 * The proxy to use for a URL, undefined for none. It may hold a user name and a password: never print its `href`.
 * @throws ManifestError, naming the variable, if that holds no URL of a proxy
 * @example
 * proxyFor(new URL("https://quay.test"), { HTTPS_PROXY: "proxy.test:3128" })?.port; // "3128"
 */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = eitherCase(env, name);
  if (value === "" || isLoopback(url.hostname)) return undefined;
  if (isExempt(url, eitherCase(env, "NO_PROXY"))) return undefined;
  return parseProxy(value, name);
}

function eitherCase(env: Environment, name: string): string {
  return (
    [env[name], env[name.toLowerCase()]].map((value) => value?.trim() ?? "").find((value) => value !== "") ??
    ""
  );
}

/** A proxy without a scheme (`proxy.example:3128`) is spoken to by HTTP. */
function parseProxy(value: string, name: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || proxy.hostname === "") {
    throw new ManifestError("CONFIG", `${name} is not the URL of a proxy`, {
      hint: "write it as http://proxy.example:3128, or as http://USER:PASSWORD@proxy.example:3128",
    });
  }
  if (!PROXY_PROTOCOLS.has(proxy.protocol)) {
    throw new ManifestError(
      "CONFIG",
      `${name} names a proxy that is none of http, https, socks5 and socks5h`,
    );
  }
  return proxy;
}

/** Does `NO_PROXY` (a list by commas) name the URL's host? */
function isExempt(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port || DEFAULT_PORTS.get(url.protocol);
  return noProxy
    .split(",")
    .map((item) => item.trim().toLowerCase())
    .some((item) => item === "*" || isInSubnet(host, item) || isNamed(host, port, item));
}

/** `10.0.0.0/8`, `fd00::/8`: no port */
function isInSubnet(host: string, item: string): boolean {
  const [, net = "", bits = ""] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(item) ?? [];
  const family = isIP(net);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const subnet = new BlockList();
  subnet.addSubnet(net, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return contains(subnet, host);
}

function contains(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? "ipv4" : "ipv6");
}

/**
 * `10.1.2.3`, `[::1]:5000`: that address. `example.com`: the host and everything below; `.example.com` and
 * `*.example.com`: only what is below. Each with a port or without.
 */
function isNamed(host: string, port: string | undefined, item: string): boolean {
  const named = splitPort(item);
  if (named.host === "" || (named.port !== undefined && named.port !== port)) return false;
  const family = isIP(named.host);
  if (family !== 0) {
    const address = new BlockList();
    address.addAddress(named.host, family === 4 ? "ipv4" : "ipv6");
    return contains(address, host);
  }
  const below = named.host.replace(/^\*?\./, "");
  const domain = domainToASCII(below) || below;
  return host.endsWith(`.${domain}`) || (below === named.host && host === domain);
}

/** An IPv6 address is only apart from its port by brackets. */
function splitPort(item: string): { host: string; port: string | undefined } {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d*)$/.exec(item) ?? [];
  const host = inBrackets ?? plain;
  return host === undefined
    ? { host: item, port: undefined }
    : { host, port: port === "" ? undefined : port };
}
