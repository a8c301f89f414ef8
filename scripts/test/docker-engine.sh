#!/usr/bin/env bash
# A Docker engine of its own on a socket of its own, with an image of busybox: what `npm run test:docker`
# needs. For machines without an engine, as root on Debian; installs what is missing.
#   . scripts/test/docker-engine.sh start            starts it and sets DOCKER_HOST
#   eval "$(scripts/test/docker-engine.sh start)"    the same
#   scripts/test/docker-engine.sh stop               ends it and removes all it has left
# It has no bridge and touches no packet filter: containers have no network, or that of the machine.

sluice_engine_folder=${TMPDIR:-/tmp}/sluice-docker-engine

sluice_engine_install() {
  command -v dockerd > /dev/null && command -v busybox > /dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    docker.io iptables busybox-static
}

sluice_engine_run() {
  mkdir -p "$folder"
  # Leaves the session, so that an interrupt meant for the tests does not end it before them.
  setsid dockerd -H "unix://$folder/docker.sock" --data-root "$folder/data" --exec-root "$folder/exec" \
    --pidfile "$folder/docker.pid" --storage-driver "$1" --iptables=false --ip6tables=false --bridge=none \
    --host-gateway-ip 127.0.0.1 < /dev/null > "$folder/$1.log" 2>&1 &
  local process=$!
  for _ in $(seq 1 300); do
    docker version > /dev/null 2>&1 && return
    kill -0 "$process" 2> /dev/null || return 1
    sleep 0.1
  done
  return 1
}

sluice_engine_image() {
  local root
  root=$(mktemp -d)
  mkdir -p "$root/bin" "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name in $(busybox --list | grep -vx busybox); do ln -s busybox "$root/bin/$name"; done
  tar -C "$root" -c . | docker import --change 'CMD ["/bin/true"]' - sluice-test:1 > /dev/null
  rm -r "$root"
}

sluice_engine_up() {
  if docker image inspect sluice-test:1 > /dev/null 2>&1; then return; fi
  sluice_engine_down
  sluice_engine_install >&2
  # Overlays do not lie on every file system; copies do.
  if ! sluice_engine_run overlay2; then
    sluice_engine_down keep
    sluice_engine_run vfs || { tail -n 20 "$folder"/*.log >&2; return 1; }
  fi
  sluice_engine_image
}

sluice_engine_end() {
  local process
  [ -f "$1" ] || return 0
  process=$(cat "$1")
  # A number from before a crash may belong to another process by now.
  while [ "$(cat "/proc/$process/comm" 2> /dev/null)" = "$2" ]; do
    kill "$process" 2> /dev/null || true
    sleep 0.2
  done
}

sluice_engine_down() {
  sluice_engine_end "$folder/docker.pid" dockerd
  sluice_engine_end "$folder/exec/containerd/containerd.pid" containerd
  [ -d "$folder" ] || return 0
  awk -v at="$folder/" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount
  if [ "${1:-}" != keep ]; then rm -rf "$folder"; fi
}

# The work is done in a shell of its own, with its own rules for errors, whoever reads this file.
case ${1:-} in
  up | down)
    set -euo pipefail
    folder=$sluice_engine_folder
    export DOCKER_HOST=unix://$folder/docker.sock
    "sluice_engine_$1"
    ;;
  start)
    bash "${BASH_SOURCE[0]}" up \
      && export DOCKER_HOST="unix://$sluice_engine_folder/docker.sock" \
      && echo "export DOCKER_HOST=$DOCKER_HOST"
    ;;
  stop) bash "${BASH_SOURCE[0]}" down ;;
  *)
    echo "expected start or stop, got ${1:-nothing}" >&2
    false
    ;;
esac
