#!/usr/bin/env bash
# Cross-compiles the kernels, operations and what stands on them for ARMv8-A and runs their fast
# tests in an emulator. It shows that the NEON code is right, not that it is fast.
#
# Exit code 77, with a last line that says why, where the compiler or the emulator is not installed.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v "$tool" >/dev/null; then
    echo "there is no $tool here; scripts/install_deps.sh --cross installs it"
    exit 77
  fi
done
scripts/arm64_root.sh build/arm64-root
cmake --preset arm64
cmake --build --preset arm64 --target base_test kernels_test ops_test infer_test
ctest --preset arm64 -L '^fast$' -E '^(layers|readme|Machine)' --no-tests=error -j "$(nproc)" --timeout 900
