/** Sizes, rates and times as people read them. */

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `12.3 MB`, in powers of ten as registries count. */
export function readableSize(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  // 999,960 bytes are 1.0 MB, not 1000.0 kB.
  if (power < UNITS.length - 1 && Number(value.toFixed(1)) >= 1000) return `1.0 ${UNITS[power + 1] ?? ""}`;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? ""}`;
}

/** `12.3 MB/s` */
export function readableRate(bytesPerSecond: number): string {
  return `${readableSize(Math.max(0, bytesPerSecond))}/s`;
}

/** `8s`, `2m 05s`, `3h 07m`, `2d 04h`: to the second below an hour, to what matters above. */
export function readableTime(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** `120ms`, and from a second on as `readableTime`. */
export function readableShortTime(ms: number): string {
  const rounded = Math.max(0, Math.round(ms));
  return rounded < 1000 ? `${rounded}ms` : readableTime(ms);
}

/** As many characters of a digest as docker shows: `0123456789ab` */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}

/** `3.2s`, what a line of a log begins with. */
export function elapsed(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}
