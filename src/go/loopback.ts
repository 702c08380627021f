import { isIPv4 } from "node:net";

/**
 * Does this host name (as `URL.hostname` has it, IPv6 in brackets or not) mean the machine itself? `localhost`,
 * 127.0.0.0/8 and ::1, as docker sees it; other names are not resolved.
 */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host === "::1") return true;
  // IPv4 written as IPv6; URL spells ::ffff:127.0.0.1 as ::ffff:7f00:1.
  if (/^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(host)) return true;
  const ipv4 = host.startsWith("::ffff:") ? host.slice("::ffff:".length) : host;
  return isIPv4(ipv4) && ipv4.startsWith("127.");
}
