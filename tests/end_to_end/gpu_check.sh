#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu_check.sh CLI SOURCES BUILD: the archive for a GPU machine is made, unpacked into an empty folder, and rehearsed on
# the CPU in an environment that names LibTorch and nothing else of this machine.
set -euo pipefail
cli=$1 sources=$2 build=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "gpu_check.sh: $*" >&2; exit 1; }
torch=$(sed -n 's/^LLDM_TORCH_ROOT:PATH=//p' "$build/CMakeCache.txt")
[ -f "$torch/torch/lib/libtorch_cpu.so" ] || fail "no LibTorch in \"$torch\""

without=()
[ -f "$build/lib/liblldm_cuda.so" ] || without=(--without-cuda)
"$sources/tools/gpu_pack" --build "$build" --out "$folder/pack.tar.gz" ${without[@]+"${without[@]}"}
[ "$(stat -c %s "$folder/pack.tar.gz")" -le $((40 << 20)) ] || fail "the archive is larger than 40 MiB"
tar -xzf "$folder/pack.tar.gz" -C "$folder"
mkdir "$folder/home"
pack=$folder/lldm-gpu
alone() { env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$folder/home" LLDM_TORCH_ROOT="$torch" OMP_NUM_THREADS=2 "$@"; }

# Whatever is loaded is the archive's own, LibTorch's, or the C and C++ runtimes that every machine has.
alone "$pack/lldm" env >"$folder/env.txt" || fail "the packed lldm does not start"
grep -q "^library: $pack/bin/\.\./lib\$" "$folder/env.txt" || fail "liblldm.so is not the archive's: $(grep library: "$folder/env.txt")"
for program in lldm gpu_check; do
  alone ldd "$pack/bin/$program" >"$folder/ldd.txt"
  if grep -q "not found" "$folder/ldd.txt"; then fail "$program: $(grep 'not found' "$folder/ldd.txt")"; fi
  strangers=$(sed -n 's/^.*=> \(\/[^ ]*\) .*$/\1/p' "$folder/ldd.txt" |
    grep -v -e "^$pack/" -e '/lib\(c\|m\|dl\|rt\|pthread\|util\|stdc++\|gcc_s\)[.]so' || true)
  [ -z "$strangers" ] || fail "$program loads what is not in the archive: $strangers"
done
if grep -q "$build" <(strings -a "$pack/bin/lldm" "$pack/lib/liblldm.so.0" | grep -i runpath); then fail "a RUNPATH names $build"; fi

began=$SECONDS
alone "$pack/gpu_check" --device cpu --out "$folder/check.json" || { cat "$folder/check.json" >&2; fail "a step did not pass"; }
python3 - "$folder/check.json" <<'P' || fail "check.json is not what it should be"
import json, sys
record = json.load(open(sys.argv[1]))
steps = record["steps"]
assert record["summary"]["not_passed"] == {}, record["summary"]
assert len(steps) >= 16, sorted(steps)
lines = [line for step in steps.values() for line in step["lines"]]
assert sum("check" in line for line in lines) > 100
assert sum("measure" in line for line in lines) > 15
assert not any("said" in line for line in lines), [line for line in lines if "said" in line][:3]
P

# "auto" takes the CPU whatever is wrong with the library; "cuda" says what, in a few lines and no stack trace.
echo "no library" >"$pack/lib/liblldm_cuda.so"
alone "$pack/lldm" env >"$folder/env.txt" || fail "lldm env does not survive a damaged library"
grep -q '^device = "auto": cpu, .*cannot be loaded' "$folder/env.txt" || fail "no reason: $(tail -1 "$folder/env.txt")"
echo '[[1, 2, 3]]' >"$folder/ids.json"
model=$folder/model
alone "$pack/lldm" model init llama --tokens 16 --set width=16 --set heads=2 --set kv_heads=2 --set layers=1 --out "$model" >/dev/null
code=0
alone "$pack/lldm" model logits "$model" --ids "$folder/ids.json" --out "$folder/x" --device cuda 2>"$folder/error.txt" || code=$?
[ "$code" = 2 ] || fail "--device cuda with a damaged library: exit code $code"
grep -q 'device = "cpu" runs here' "$folder/error.txt" || fail "$(cat "$folder/error.txt")"
[ "$(wc -l <"$folder/error.txt")" -le 4 ] || fail "too much said: $(cat "$folder/error.txt")"
alone "$pack/lldm" model logits "$model" --ids "$folder/ids.json" --out "$folder/x" --device auto 2>/dev/null >/dev/null ||
  fail "--device auto with a damaged library"
code=0
alone python3 "$pack/gpu_check" --skip-without-gpu --out "$folder/none.json" >"$folder/skip.txt" || code=$?
[ "$code" = 77 ] || fail "without a GPU it is skipped: exit code $code"
grep -q '^skipped: ' "$folder/skip.txt" || fail "$(cat "$folder/skip.txt")"

# A step that crashes and one that hangs are recorded, and the next one is run.
mv "$pack/bin/gpu_check" "$pack/bin/honest"
cat >"$pack/bin/gpu_check" <<P
#!/bin/sh
case \$1 in
  allocator) echo '{"measure": "before the crash"}'; kill -SEGV \$\$ ;;
  operators) sleep 60 ;;
  *) exec "$pack/bin/honest" "\$@" ;;
esac
P
chmod +x "$pack/bin/gpu_check"
if alone "$pack/gpu_check" --device cpu --out "$folder/bad.json" --minutes 0.15 --steps allocator,environment,operators,float32 >/dev/null; then
  fail "a crash is no failure"
fi
python3 - "$folder/bad.json" <<'P' || fail "bad.json is not what it should be"
import json, sys
steps = json.load(open(sys.argv[1]))["steps"]
status = {name: step["status"] for name, step in steps.items()}
assert status["allocator"].startswith("crashed"), status
assert steps["allocator"]["lines"] == [{"measure": "before the crash"}], steps["allocator"]
assert status["environment"] == "passed", status
assert status["operators"] == "timed out", status
assert status["float32"].startswith("not run"), status
P
echo "gpu_check.sh: $((SECONDS - began)) s"
