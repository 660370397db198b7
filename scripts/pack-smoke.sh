#!/bin/bash
# Packs Corral, installs the tarball where nothing else is, and runs it from there: what users get works.
# Run it from outside npm scripts: npm inside one runs beside another Node and loses the machine's settings.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
export CORRAL_STATE_DIR=$work/state
# Until the end: a daemon that the smoke started must not outlive it.
trap 'cd "$work/clean" 2>/dev/null && corral down >/dev/null 2>&1; rm -rf "$work"' EXIT

# On the checkout's own Node, since the machine's may be too old for Corral.
corral() { PATH="$root/node_modules/.bin:$PATH" "$work/clean/node_modules/.bin/corral" "$@"; }

cd "$root"
rm -rf dist
npm run --silent build
npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null
tarball=$(ls "$work"/corral-*.tgz)
if tar -tzf "$tarball" | grep -E '^package/(src|test|bench|scripts)/'; then
  echo "pack-smoke: the files above do not belong into the package" >&2
  exit 1
fi

mkdir "$work/clean"
cd "$work/clean"
npm init --yes >/dev/null
npm install --silent --omit=dev "$tarball"
echo "installed: $(du -sm node_modules | cut -f1) MB"

version=$(corral --version)
expected=$("$root/node_modules/.bin/node" -p "require('$root/package.json').version")
[ "$version" = "$expected" ] || { echo "pack-smoke: --version says $version, not $expected" >&2; exit 1; }
corral up --json >"$work/up.json"
corral doctor --json >"$work/doctor.json" || [ $? -eq 6 ] # 6: works, and names problems of this machine
grep -q '"running": *true' "$work/doctor.json"
# The dashboard comes built, with everything that its page asks for.
url=$(corral open --print)
"$root/node_modules/.bin/node" -e '
  const from = new URL(process.argv[1]);
  const page = await (await fetch(from)).text();
  const paths = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  const all = await Promise.all(paths.map((path) => fetch(new URL(path, from))));
  if (all.length < 3 || all.some(({ status }) => status !== 200)) process.exit(1);
' "$url" || { echo "pack-smoke: the dashboard is not served whole" >&2; exit 1; }
# The runner and the containment come from the package too: an agent that leaves a daemon behind.
seconds=296.$$
corral deploy --describe "Prove that the package runs agents" --type builder --prompt "Run." --wait \
  -- sh -c "setsid sleep $seconds >/dev/null 2>&1 & echo ran" >"$work/deploy.txt"
if grep -alF "$seconds" /proc/[0-9]*/cmdline 2>/dev/null | xargs -r -n1 dirname | xargs -r -I{} cat {}/comm 2>/dev/null | grep -qx sleep; then
  echo "pack-smoke: the agent's sleep $seconds is still there" >&2
  exit 1
fi
# The matcher's worker is found by its place.
agent=$(grep -oE 'builder-[0-9]{6}-[0-9a-f]{6}' "$work/deploy.txt" | head -n1)
corral logs --grep ran "$agent" | grep -qx ran || { echo "pack-smoke: logs --grep finds nothing" >&2; exit 1; }
corral down >/dev/null
echo "pack-smoke: corral $version installs, starts, answers and leaves"
