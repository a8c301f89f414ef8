import { openPlanner } from "../../embedded/planner.ts";
import { silentLogger } from "../../log.ts";
import type { PlanAnswer } from "../../plan.ts";
import type { Command } from "../command.ts";
import { inOrder } from "../in-order.ts";
import { type Line, LONGEST_LINE, linesOf } from "../lines.ts";
import { writeJson } from "../output.ts";

/** How many requests are planned side by side; some wait for answers of a platform. */
const SIDE_BY_SIDE = 16;

export const command: Command = async ({ io, options, settings }) => {
  const showSecrets = options["showSecrets"] === true;
  const planner = await openPlanner({ ...settings, log: silentLogger });
  const answer = async (line: Line): Promise<PlanAnswer> =>
    "text" in line ? planner.plan(line.text, { showSecrets }) : tooLong(line.tooLong);
  try {
    for await (const planned of inOrder(linesOf(io.input), SIDE_BY_SIDE, answer)) {
      await writeJson(io, planned);
    }
  } finally {
    planner.close();
  }
};

function tooLong(length: number): PlanAnswer {
  const message = `the line has ${length} bytes, expected at most ${LONGEST_LINE}`;
  return { ok: false, error: { code: "too_large", message, issues: [{ path: "", message }] } };
}
