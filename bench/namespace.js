// docker speaks nothing but plain HTTP to the loopback addresses, so that HTTPS needs another address of this machine.
// A network of the benchmark's own, where Linux allows it, has one, and nothing in it gets out.
import { spawnSync } from "node:child_process";

/** One of those for documentation: crane takes no tokens from private addresses. https://www.rfc-editor.org/rfc/rfc5737 */
const ADDRESS = "203.0.113.1";
const INSIDE = "TSMANIFEST_BENCH_ADDRESS";

/** @returns {string | undefined} an address of this machine that is not loopback, when inside the network */
export function outerAddress() {
  const address = process.env[INSIDE];
  return address === undefined || address === "" ? undefined : address;
}

/** Runs this very program again inside the network, if that is possible and not done yet; does not return then. */
export function enterNamespace() {
  if (process.env[INSIDE] !== undefined) return;
  const setUp = `ip link set lo up && ip address add ${ADDRESS}/32 dev lo`;
  const unshare = ["-rn", "sh", "-c"];
  if (spawnSync("unshare", [...unshare, setUp]).status !== 0) return;
  const env = { ...process.env, [INSIDE]: ADDRESS };
  const argv = [process.execPath, ...process.argv.slice(1)];
  const script = `${setUp} && exec "$@"`;
  const { status } = spawnSync("unshare", [...unshare, script, "sh", ...argv], { env, stdio: "inherit" });
  process.exit(status ?? 1);
}
