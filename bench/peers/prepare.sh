#!/usr/bin/env bash
# Makes all that bench/peers/compare.py needs: Linnet's programs, ONNX Runtime (npm's onnxruntime-node,
# whose library is used without Node.js) and the Python classes of ONNX's .proto.
#
#   bench/peers/prepare.sh [FOLDER]     default build/release, a configured CMake build folder
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
build=${1:-build/release}
onnxruntime=1.30.0
if ! command -v npm >/dev/null; then
  echo "prepare.sh: npm is missing, which brings ONNX Runtime; on Debian: apt-get install npm" >&2
  exit 1
fi

scripts/install_deps.sh --bench
[[ -e $build/CMakeCache.txt ]] || cmake --preset "$(basename "$build")"
cmake --build "$build" --target linnet bench_peers_linnet bench_peers_onnxruntime \
  bench_peers_qdq

peers=$build/peers
mkdir -p "$peers"
if ! grep -qs "\"version\": \"$onnxruntime\"" "$peers/node_modules/onnxruntime-node/package.json"; then
  # Its script would fetch libraries for graphics cards.
  npm install --ignore-scripts --no-save --no-audit --no-fund --prefix "$peers" \
    "onnxruntime-node@$onnxruntime"
fi
protoc --proto_path=/usr/include/onnx --python_out="$peers" onnx.proto
