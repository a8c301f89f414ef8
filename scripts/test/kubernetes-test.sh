#!/bin/sh
# Runs the Kubernetes backend against a real cluster: the one KUBECONFIG names, else an API server with
# the Job controller that is built and started for it, whose machine the tests play themselves.
set -eu
cd "$(dirname "$0")/../.."

tests() {
  npx vitest run --project kubernetes "$@"
}

if [ -n "${KUBECONFIG:-}" ]; then
  tests "$@"
  exit
fi

folder=$(mktemp -d)
trap 'scripts/test/kubernetes-api-server.sh stop "$folder"; rm -rf "$folder"' EXIT
scripts/test/kubernetes-api-server.sh start "$folder"
export KUBECONFIG="$folder/kubeconfig" SLUICE_TEST_NODE=fake SLUICE_TEST_CERTIFICATES="$folder/certificates"
tests "$@"
