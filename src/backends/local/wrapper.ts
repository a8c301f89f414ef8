/** Where the scripts find their few tools, whatever PATH the run has been given. */
export const TOOLS = "/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin";

/** The name under which the shell speaks; what begins with it in a log is not the run's own. */
export const SHELL_NAME = "sluice";

/**
 * The guard of one process, for any POSIX shell; it leads a session of its own and outlives whoever
 * started it. Arguments: the folder of the launch, a word nobody else uses, then the command.
 *
 * - It claims the folder by a hard link, which only one can make and which shows the whole claim at
 *   once: process id, its start by the kernel's clock, and the boot. A second guard says `taken` and ends.
 * - It says `claimed` and waits for a line, or for the end of whoever should send it.
 * - The command runs in the foreground, so that its signals are as usual; those sent to the whole group
 *   end the command and not the guard.
 * - The exit code is written by rename, and until the disk has room for it.
 */
export const WRAPPER = `
sluice_start() {
  if [ -r /proc/self/stat ]; then
    read -r sluice_stat <"/proc/$1/stat" || return 1
    set -- \${sluice_stat##*) }
    echo "\${20}"
  else
    LC_ALL=C TZ=UTC ps -o lstart= -p "$1"
  fi
}
exec 2>&1
sluice_folder=$1
sluice_claim=$1/claim.$2
shift 2
sluice_path=$PATH
PATH=${TOOLS}
sluice_boot=
[ -r /proc/sys/kernel/random/boot_id ] && read -r sluice_boot </proc/sys/kernel/random/boot_id
printf '%s\\n' "$$" "$(sluice_start "$$")" "$sluice_boot" >"$sluice_claim" || exit 1
if ! sluice_fault=$(ln "$sluice_claim" "$sluice_folder/claim" 2>&1); then
  rm -f "$sluice_claim"
  if [ -e "$sluice_folder/claim" ]; then echo taken; else echo "$sluice_fault"; fi
  exit 0
fi
rm -f "$sluice_claim"
trap '' HUP INT QUIT PIPE TERM
echo claimed
read -r sluice_go
exec </dev/null >/dev/null 2>&1
(
  trap - HUP INT QUIT PIPE TERM
  sluice_pid=$(exec sh -c 'echo $PPID')
  printf '%s\\n' "$sluice_pid" "$(sluice_start "$sluice_pid")" "$sluice_boot" >"$sluice_folder/child"
  PATH=$sluice_path
  exec "$@"
) >>"$sluice_folder/output" 2>&1
sluice_code=$?
until echo "$sluice_code" >"$sluice_folder/exit.new" && mv "$sluice_folder/exit.new" "$sluice_folder/exit"; do
  [ -d "$sluice_folder" ] || exit 1
  sleep 1
done
`;

/**
 * Ends what is left of a process group when its time is over. Arguments: the group, and for how many
 * seconds to wait. It looks every second, in which no process id can come round again, so it never hits
 * strangers.
 */
export const STOPPER = `
sluice_left=$2
while [ "$sluice_left" -gt 0 ]; do
  kill -0 "-$1" || exit 0
  sleep 1
  sluice_left=$((sluice_left - 1))
done
kill -KILL "-$1"
`;
