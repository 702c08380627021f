import { goGetter, goStringValue, goStructValue, type GoStruct } from "./values.js";

/**
 * Times as Go's time.Time reads and writes them in JSON: https://pkg.go.dev/time#Time.UnmarshalJSON. A time zone stays
 * the one that was written, and fractions are cut after nine digits and lose their zeros.
 */
export interface GoTime {
  /** `2024-01-31` */
  readonly date: string;
  /** `23:59:59.12` */
  readonly clock: string;
  /** `+02:00`; undefined for UTC, however that was written. */
  readonly offset: string | undefined;
}

const RFC_3339 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-]\d\d:\d\d))$/;

/** A time of RFC 3339; undefined for what Go refuses, such as the 30th of February or a leap second. */
export function parseGoTime(text: string): GoTime | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, date = "", seconds = "", digits = "", offset] = match;
  if (!isDate(date) || !isClock(seconds, 59) || (offset !== undefined && !isClock(offset.slice(1), 0)))
    return undefined;
  const fraction = digits.slice(0, 9).replace(/0+$/, "");
  const isUtc = offset === undefined || /^.00:00$/.test(offset);
  return {
    date,
    clock: seconds + (fraction === "" ? "" : `.${fraction}`),
    offset: isUtc ? undefined : offset,
  };
}

/** A time.Time: what it prints as, and its JSON. Its other methods are not there. */
export function goTimeValue({ date, clock, offset }: GoTime): GoStruct {
  const zone = offset?.replace(":", "");
  const text = `${date} ${clock} ${zone ?? "+0000"} ${zone ?? "UTC"}`;
  return goStructValue("time.Time", [], {
    methods: new Map([["String", goGetter(() => goStringValue(text))]]),
    json: `"${date}T${clock}${offset ?? "Z"}"`,
  });
}

/** The zero time, which no pointer of a config points to. */
export const zeroTime: GoStruct = goTimeValue({ date: "0001-01-01", clock: "00:00:00", offset: undefined });

function isDate(date: string): boolean {
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  return day >= 1 && day <= days;
}

/** Hours, minutes and, in a time of day, seconds. */
function isClock(clock: string, mostSeconds: number): boolean {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(":").map(Number);
  return hours <= 23 && minutes <= 59 && seconds <= mostSeconds;
}
