/**
 * A path as POSIX normalises its text: empty and `.` steps dropped, `..` resolved, exactly two leading
 * slashes kept. Nothing is read from a disk and `~` stays.
 *
 * A relative path stays relative: it is a path of the machine the agent works on, below the directory
 * the agent was started in. The empty text is that directory itself, written `.`.
 */
export function normalizePath(path: string): string {
  const root = rootOf(path);
  const steps: string[] = [];
  for (const step of path.split("/")) {
    if (step === "" || step === ".") continue;
    const climbs = steps.length === 0 || steps.at(-1) === "..";
    if (step !== ".." || (climbs && root === "")) steps.push(step);
    else steps.pop();
  }
  const normal = root + steps.join("/");
  return normal === "" ? "." : normal;
}

/** POSIX leaves open what two leading slashes mean, so they are kept; three or more mean one. */
function rootOf(path: string): "" | "/" | "//" {
  if (!path.startsWith("/")) return "";
  return path.startsWith("//") && !path.startsWith("///") ? "//" : "/";
}
