import { describe, expect, it, vi } from "vitest";
import { ScreenStream, type ScreenOptions } from "../../../src/ui/terminal/screenStream.js";

const [BEGIN, END] = ["\u001b[?2026h", "\u001b[?2026l"];

function stage(columns: number, options: Partial<ScreenOptions> = {}) {
  const written: string[] = [];
  const terminal = {
    columns,
    write: (text: string | Uint8Array) => {
      written.push(String(text));
    },
  };
  const screen = new ScreenStream(terminal, { reflows: true, isForced: false, ...options });
  return { terminal, screen, written };
}

/** As ora draws: all of it between the two sequences that belong together. */
function draw(screen: ScreenStream, text: string): void {
  screen.write(BEGIN);
  screen.cursorTo();
  screen.moveCursor();
  screen.clearLine();
  screen.write(text);
  screen.write(END);
}

describe("a terminal that lines are drawn on", () => {
  it("gets a frame in one write, wrapped by nothing", () => {
    const { screen, written } = stage(80);
    draw(screen, "one\ntwo\n");
    expect(written).toEqual([`${BEGIN}\u001b[?7lone\ntwo\n\u001b[?7h${END}`]);
  });

  it("erases as many rows as were drawn", () => {
    const { screen, written } = stage(80);
    draw(screen, "one\ntwo\n");
    draw(screen, "three\n");
    expect(written[1]).toBe(`${BEGIN}\u001b[?7l\r\u001b[2A\u001b[2Kthree\n\u001b[2K\u001b[J\u001b[?7h${END}`);
    screen.cursorTo();
    expect(written[2]).toBe("\r\u001b[J\u001b[A\u001b[2K");
    screen.cursorTo();
    expect(written).toHaveLength(3);
  });

  it("leaves out a frame that comes late, as when the program was stopped and has not been told yet", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { screen, written } = stage(80);
    vi.advanceTimersByTime(5_000);
    draw(screen, "one\n");
    expect(written).toHaveLength(1);
    vi.advanceTimersByTime(5_000);
    draw(screen, "two\n");
    expect(written).toHaveLength(1);
    vi.advanceTimersByTime(5_000);
    draw(screen, "three\n");
    expect(written[1]).toBe(`${BEGIN}\u001b[?7l\r\u001b[1A\u001b[2Kthree\n\u001b[2K\u001b[J\u001b[?7h${END}`);
    vi.useRealTimers();
  });

  it("erases nothing once somebody else may have written below", () => {
    const { screen, written } = stage(80);
    draw(screen, "one\ntwo\n");
    screen.forget();
    draw(screen, "three\n");
    expect(written[1]).toBe(`${BEGIN}\u001b[?7lthree\n\u001b[?7h${END}`);
  });

  it.each([
    ["as many as they are when they are wrapped", true, 3 + 1 + 2],
    ["one a line where the terminal does not wrap", false, 3],
  ])("erases in a window that was made narrower %s", (_, reflows, rows) => {
    const { terminal, screen, written } = stage(80, { reflows });
    // 60 columns, 20, and 30 for 15 characters: colours take none.
    draw(screen, `${"x".repeat(60)}\n\u001b[36m${"y".repeat(20)}\u001b[39m\n${"应".repeat(15)}\n`);
    terminal.columns = 20;
    screen.cursorTo();
    expect(written[1]).toBe(`\r\u001b[J${"\u001b[A\u001b[2K".repeat(rows)}`);
  });

  it("leaves one column free, and never has none", () => {
    expect(stage(80).screen.columns).toBe(79);
    expect(stage(1).screen.columns).toBe(1);
    expect(stage(0).screen.columns).toBe(79);
    expect(stage(80).screen.rows).toBe(24);
  });

  it("is left alone while it does not say how wide it is", () => {
    const { terminal, screen, written } = stage(0);
    draw(screen, "one\n");
    expect(written).toEqual([]);
    terminal.columns = 40;
    draw(screen, "one\n");
    expect(written).toHaveLength(1);
    // What was drawn is erased by the width that it said last.
    terminal.columns = 0;
    draw(screen, "one\n");
    expect(written[1]).toBe(`${BEGIN}\r\u001b[J\u001b[A\u001b[2K${END}`);
    draw(screen, "one\n");
    expect(written).toHaveLength(2);
  });

  it("is left alone where it has one row: the end of a line would move that out of the window", () => {
    const { terminal, screen, written } = stage(80);
    Object.assign(terminal, { rows: 1 });
    draw(screen, "one\n");
    expect(written).toEqual([]);
  });

  it("is drawn on all the same where that is asked for", () => {
    const { screen, written } = stage(0, { isForced: true });
    draw(screen, "one\n");
    expect(written).toHaveLength(1);
  });
});
