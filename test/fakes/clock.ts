/** A clock that stands still until a test moves it. */
export interface TestClock {
  now(): Date;
  /** Moves on by so many milliseconds. */
  pass(ms: number): void;
}

export function testClock(start = "2026-11-21T12:00:00.000Z"): TestClock {
  let time = Date.parse(start);
  return {
    now: () => new Date(time),
    pass: (ms) => {
      time += ms;
    },
  };
}
