#!/bin/sh
# Builds kube-apiserver and kube-controller-manager from Debian's source package, once: about five
# minutes and 3 GB on two cores, kept in $SLUICE_CACHE (default ~/.cache/sluice). Debian only, as root.
# Prints the folder of the binaries.
set -eu

# The one version this script can build: that of Debian 12. What it calls itself follows from it.
package=1.20.5+really1.20.2-1.1+deb12u1
upstream=1.20.2

cache="${SLUICE_CACHE:-$HOME/.cache/sluice}/kubernetes"
bin="$cache/bin"
if [ -x "$bin/kube-apiserver" ] && [ -x "$bin/kube-controller-manager" ] && command -v etcd > /dev/null; then
  echo "$bin"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
exec 3>&1 1>&2

# The package lists for sources live in the work folder: the system's own stay as they are.
mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/download" "$bin"
awk 'BEGIN { RS = ""; ORS = "\n\n" } NR == 1' /etc/apt/sources.list.d/debian.sources |
  sed 's/^Types: .*/Types: deb-src/' > "$work/apt/parts/debian.sources"
sources() {
  apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts" \
    -o Dir::State::lists="$work/apt/lists" "$@"
}
apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
  dpkg-dev golang-1.19-go etcd-server golang-github-modern-go-reflect2-dev
sources update
if ! (cd "$work/download" && sources source --download-only "kubernetes=$package"); then
  found=$(apt-cache -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts" \
    -o Dir::State::lists="$work/apt/lists" showsrc kubernetes 2> /dev/null | sed -n 's/^Version: //p' | paste -sd' ')
  echo "the source of kubernetes $package cannot be had from Debian; there is: ${found:-none}." \
    "Where only the end of the version has changed, change it in $0" >&2
  exit 1
fi

export GOPATH="$work/go" GOCACHE="$work/gocache" GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
PATH="/usr/lib/go-1.19/bin:$PATH"
tree="$GOPATH/src/k8s.io/kubernetes"
mkdir -p "$GOPATH/src/k8s.io"
dpkg-source --no-check -x "$work/download"/kubernetes_*.dsc "$tree"
cd "$tree"

# The copy of reflect2 in there breaks with Go from 1.18 on.
rm -rf vendor/github.com/modern-go/reflect2
cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/

# What the API server says of its types is not in the package; it is generated from tags in the source.
tagged() {
  grep -rl '+k8s:openapi-gen=' --include='*.go' pkg cmd
  for module in vendor/k8s.io/*/; do
    (cd "$module" && grep -rl '+k8s:openapi-gen=' --include='*.go' . | sed "s#^\./#$module#") || true
  done
}
packages=$(tagged | grep -v '/_examples/\|sample-apiserver\|zz_generated\|/testdata/' |
  xargs -n1 dirname | sort -u | sed 's#^#k8s.io/kubernetes/#' | paste -sd, -)
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
"$work/openapi-gen" --logtostderr --input-dirs "$packages" \
  --output-package k8s.io/kubernetes/pkg/generated/openapi --output-file-base zz_generated.openapi \
  --go-header-file hack/boilerplate/boilerplate.generatego.txt \
  --report-filename "$work/report" --output-base "$GOPATH/src"

version=k8s.io/component-base/version
go build -trimpath -o "$bin/" \
  -ldflags "-s -w -X $version.gitVersion=v$upstream -X $version.gitMajor=1 -X $version.gitMinor=20" \
  ./cmd/kube-apiserver ./cmd/kube-controller-manager
echo "$bin" >&3
