#!/bin/sh
# An API server with etcd and the Job controller, without machines, on ports of its own.
#   kubernetes-api-server.sh start FOLDER   starts it; FOLDER/kubeconfig leads to it
#   kubernetes-api-server.sh stop FOLDER    ends what was started there
set -eu

folder=$2

# etcd goes last: without it the API server does not end.
stop() {
  for name in api-server controllers etcd; do
    [ -f "$folder/$name.pid" ] || continue
    pid=$(cat "$folder/$name.pid")
    kill "$pid" 2> /dev/null || true
    for _ in $(seq 1 40); do
      runs "$pid" || break
      sleep 0.25
    done
    if runs "$pid"; then kill -9 "$pid"; fi
    rm "$folder/$name.pid"
  done
}

runs() {
  case $(ps -o stat= -p "$1") in
    '' | Z*) return 1 ;;
    *) return 0 ;;
  esac
}

free_port() {
  node -e 'const s=require("node:net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

run() {
  name=$1
  shift
  "$@" > "$folder/$name.log" 2>&1 &
  echo $! > "$folder/$name.pid"
}

api() {
  curl -sf --cacert "$folder/certificates/apiserver.crt" -H 'Authorization: Bearer test' "https://127.0.0.1:$port$1"
}

until_ready() {
  for _ in $(seq 1 120); do
    api "$1" > /dev/null 2>&1 && return 0
    sleep 0.5
  done
  echo "$1 of the API server did not answer; its log ends with:" >&2
  tail -5 "$folder/api-server.log" >&2
  return 1
}

start() {
  bin=$("$(dirname "$0")/kubernetes-build.sh")
  mkdir -p "$folder/certificates"
  folder=$(cd "$folder" && pwd)
  client=$(free_port)
  peer=$(free_port)
  port=$(free_port)
  run etcd etcd --data-dir "$folder/etcd" --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer"
  openssl genrsa -out "$folder/certificates/accounts.key" 2048 2> /dev/null
  echo 'test,tester,tester,"system:masters"' > "$folder/tokens.csv"
  run api-server "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$client" \
    --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$port" \
    --cert-dir "$folder/certificates" --token-auth-file "$folder/tokens.csv" \
    --authorization-mode RBAC --disable-admission-plugins ServiceAccount \
    --feature-gates TTLAfterFinished=true --kubelet-preferred-address-types InternalIP \
    --service-cluster-ip-range 10.96.0.0/24 --service-account-issuer https://sluice.test \
    --service-account-key-file "$folder/certificates/accounts.key" \
    --service-account-signing-key-file "$folder/certificates/accounts.key"
  cat > "$folder/kubeconfig" << YAML
apiVersion: v1
kind: Config
clusters:
  - name: test
    cluster: { server: "https://127.0.0.1:$port", certificate-authority: certificates/apiserver.crt }
users:
  - name: tester
    user: { token: test }
contexts:
  - name: test
    context: { cluster: test, user: tester }
current-context: test
YAML
  until_ready /readyz
  until_ready /api/v1/namespaces/default
  run controllers "$bin/kube-controller-manager" --kubeconfig "$folder/kubeconfig" \
    --controllers job,garbagecollector,namespace,ttl-after-finished \
    --feature-gates TTLAfterFinished=true --port 0 --secure-port 0 --leader-elect=false
}

case $1 in
  start)
    trap stop EXIT
    start
    trap - EXIT
    ;;
  stop) stop ;;
  *) echo "expected start or stop, got $1" >&2; exit 2 ;;
esac
