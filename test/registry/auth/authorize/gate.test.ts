import { describe, expect, test } from "vitest";
import { Gate } from "../../../../src/registry/auth/authorize/gate.js";
import { remembered } from "../../../../src/registry/auth/authorize/remembered.js";
import { TransportError } from "../../../../src/registry/http/transportError.js";

/** Work that is told by hand to open the gate and to end. */
function piece(gate: Gate) {
  let isRunning = false;
  let open = (): void => undefined;
  let end: (error?: Error) => void = () => undefined;
  const done = gate.pass(
    (opens) =>
      new Promise<void>((resolve, reject) => {
        isRunning = true;
        open = opens;
        end = (error) => {
          if (error === undefined) resolve();
          else reject(error);
        };
      }),
  );
  return {
    done,
    isRunning: () => isRunning,
    open: () => {
      open();
    },
    end: (error?: Error) => {
      end(error);
    },
  };
}

const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

describe("a gate", () => {
  test("lets one go ahead, and all others once that opens it", async () => {
    const gate = new Gate();
    const [first, ...others] = [piece(gate), piece(gate), piece(gate)];
    await turns();
    expect([first, ...others].map((one) => one.isRunning())).toEqual([true, false, false]);
    first.open();
    await turns();
    expect(others.map((one) => one.isRunning())).toEqual([true, true]);
    const late = piece(gate);
    expect(late.isRunning()).toBe(true);
    expect(gate.isOpen).toBe(true);
  });

  test.each([undefined, new Error("aborted")])(
    "lets the next go ahead if the first ends with %s",
    async (error) => {
      const gate = new Gate();
      const [first, second, third] = [piece(gate), piece(gate), piece(gate)];
      await turns();
      first.end(error);
      await first.done.catch((reason: unknown) => {
        expect(reason).toBe(error);
      });
      await turns();
      expect([second, third].map((one) => one.isRunning())).toEqual([true, false]);
    },
  );

  const failure = (code: string): TransportError =>
    new TransportError(
      "HEAD",
      new URL("https://registry.example/"),
      Object.assign(new Error(code), { code }),
    );

  test.each(["ECONNREFUSED", "EHOSTUNREACH", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT", "CERT_HAS_EXPIRED"])(
    "lets those who wait fail with who reached nobody (%s), and who comes later try",
    async (code) => {
      const gate = new Gate();
      const [first, second, third] = [piece(gate), piece(gate), piece(gate)];
      const error = failure(code);
      first.end(error);
      const results = await Promise.allSettled([first.done, second.done, third.done]);
      expect(results).toEqual(Array.from({ length: 3 }, () => ({ status: "rejected", reason: error })));
      expect(piece(gate).isRunning()).toBe(true);
    },
  );

  test.each(["ECONNRESET", "UND_ERR_SOCKET", "ERR_HTTP2_STREAM_ERROR", "UND_ERR_HEADERS_TIMEOUT"])(
    "lets the next go ahead if it is one connection that breaks (%s)",
    async (code) => {
      const gate = new Gate();
      const [first, second, third] = [piece(gate), piece(gate), piece(gate)];
      first.end(failure(code));
      await expect(first.done).rejects.toThrow(TransportError);
      await turns();
      expect([second, third].map((one) => one.isRunning())).toEqual([true, false]);
    },
  );

  test("lets those who wait fail alike where they are said to", async () => {
    const gate = new Gate();
    const error = failure("ECONNRESET");
    const ask = (): Promise<void> => Promise.reject(error);
    const results = await Promise.allSettled([gate.pass(ask, () => true), gate.pass(() => turns())]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("what is remembered", () => {
  test("is asked for once, until it is forgotten", async () => {
    let asked = 0;
    const answer = remembered(() => Promise.resolve(++asked));
    expect(await Promise.all([answer.get(), answer.get()])).toEqual([1, 1]);
    answer.forget();
    expect(await answer.get()).toBe(2);
  });

  test("is no failure", async () => {
    let asked = 0;
    const answer = remembered(() =>
      ++asked === 1 ? Promise.reject(new Error("failed")) : Promise.resolve(asked),
    );
    const results = await Promise.allSettled([answer.get(), answer.get()]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await answer.get()).toBe(2);
  });
});
