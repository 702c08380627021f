/** A question that is asked once, however many callers wait for the answer. Failures are not kept: later callers ask again. */
export interface Remembered<Result> {
  get(): Promise<Result>;
  forget(): void;
}

export function remembered<Result>(ask: () => Promise<Result>): Remembered<Result> {
  let answer: Promise<Result> | undefined;
  const forget = (): void => {
    answer = undefined;
  };
  const get = (): Promise<Result> => {
    if (answer !== undefined) return answer;
    const asked = ask();
    answer = asked;
    asked.catch(() => {
      if (answer === asked) forget();
    });
    return asked;
  };
  return { get, forget };
}
