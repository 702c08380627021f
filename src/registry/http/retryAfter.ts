import { header, type FailedAnswer } from "./message.js";

/**
 * The `Retry-After` header in all the forms that registries give it.
 * https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 *
 * Besides whole seconds and dates there are fractions of seconds, lengths of time as Go prints them (`1500ms`,
 * `240.6µs`, `1m30s`), and moments in seconds since 1970.
 */

/** How long an answer asks its clients to stay away, in milliseconds, if it does. `now` is in milliseconds since 1970. */
export function askedWait({ status, headers, text }: FailedAnswer, now: number): number | undefined {
  const servers = Date.parse(header({ headers }, "date") ?? "");
  const value = header({ headers }, "retry-after");
  return (
    (value === undefined ? undefined : parseRetryAfter(value, Number.isNaN(servers) ? now : servers)) ??
    (status === 429 ? retryAfterInText(text) : undefined)
  );
}

const MAX_LENGTH = 64;

const NUMBER = /^\d+(?:\.\d*)?$/;
/** As a number of seconds this is over thirty years; as a moment it is later than 2001. */
const FIRST_MOMENT = 1e9;
const LAST_MOMENT = 1e11;

const DURATION = /^(?:\d+(?:\.\d*)?(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d*)?)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;
const UNIT_MS = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/**
 * The wait in milliseconds, from 0 up; undefined if the value is none of these forms. `now` (milliseconds since
 * 1970) is what dates are compared with; one that has passed means 0.
 */
export function parseRetryAfter(value: string, now: number): number | undefined {
  const text = value.trim();
  if (text.length === 0) return undefined;
  if (NUMBER.test(text)) {
    const seconds = Number(text);
    if (seconds >= FIRST_MOMENT && seconds < LAST_MOMENT) return Math.max(0, seconds * 1000 - now);
    return bounded(seconds * 1000);
  }
  if (text.length > MAX_LENGTH) return undefined;
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  const date = parseHttpDate(text, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}

/** The wait that a text speaks of, in milliseconds: `toomanyrequests: retry-after: 796.969µs, allowed: 44000/minute`. */
export function retryAfterInText(text: string): number | undefined {
  const value = /\bretry-after["']?[:=] ?["']?([0-9.a-z\u00b5\u03bc]{1,64})/i.exec(text.slice(0, 4096))?.[1];
  if (value === undefined) return undefined;
  return NUMBER.test(value) ? bounded(Number(value) * 1000) : parseDuration(value);
}

/** https://pkg.go.dev/time#ParseDuration, without signs */
function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const parts = [...text.matchAll(DURATION_PART)];
  return bounded(
    parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS.get(unit ?? "") ?? 0), 0),
  );
}

function bounded(ms: number): number {
  return Math.min(ms, Number.MAX_SAFE_INTEGER);
}

/*
 * https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
 * IMF-fixdate   Sun, 06 Nov 1994 08:49:37 GMT
 * rfc850-date   Sunday, 06-Nov-94 08:49:37 GMT
 * asctime-date  Sun Nov  6 08:49:37 1994
 */
const IMF_FIXDATE =
  /^[a-z]{3}, (?<day>\d{1,2}) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) (?:GMT|UTC)$/i;
const RFC850_DATE =
  /^[a-z]{6,9}, (?<day>\d\d)-(?<month>[a-z]{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) (?:GMT|UTC)$/i;
const ASCTIME_DATE = /^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** In milliseconds since 1970. By hand, since Date.parse takes the third form for local time. */
function parseHttpDate(text: string, now: number): number | undefined {
  const parts = (IMF_FIXDATE.exec(text) ?? RFC850_DATE.exec(text) ?? ASCTIME_DATE.exec(text))?.groups;
  const month = MONTHS.indexOf(parts?.["month"]?.toLowerCase() ?? "");
  const [hours, minutes, seconds] = (parts?.["time"] ?? "").split(":").map(Number);
  if (parts === undefined || month < 0) return undefined;
  const year = fullYear(parts["year"] ?? "", now);
  const date = Date.UTC(year, month, Number(parts["day"]), hours, minutes, seconds);
  return Number.isNaN(date) ? undefined : date;
}

/** Two digits mean the century in which they are not more than fifty years ahead. */
function fullYear(year: string, now: number): number {
  if (year.length !== 2) return Number(year);
  const thisYear = new Date(now).getUTCFullYear();
  const sameCentury = thisYear - (thisYear % 100) + Number(year);
  return sameCentury > thisYear + 50 ? sameCentury - 100 : sameCentury;
}
