#!/usr/bin/env bash
# Installs a build into a folder, moves the folder, and builds and runs a stranger's program against
# it: once by find_package, once by pkg-config.
#
#   install_test.sh BUILD_DIR WORK_DIR
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
build=$1 work=$2

rm -rf "$work" && mkdir -p "$work"
cmake --build "$build" --target installed >"$work/build.log"
cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix" # an installed tree may be moved
prefix=$work/prefix

expect_archs() { # program
  "$1" archs --json >"$work/archs.json"
  grep -q mobilenet_v1 "$work/archs.json" || {
    echo "$1 did not list mobilenet_v1: $(head -c 300 "$work/archs.json")"
    exit 1
  }
}

echo "find_package"
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/configure.log"
cmake --build "$work/build"
expect_archs "$work/build/stranger"

echo "pkg-config"
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name linnet.pc)")
flags=()
flags_of() { eval "flags=($(pkg-config --cflags --libs "$1"))"; }  # which quotes blanks in paths
flags_of linnet
${CXX:-c++} -std=c++20 "$here/main.cc" "${flags[@]}" -o "$work/by_pkg_config"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir linnet) expect_archs "$work/by_pkg_config"

echo "the runtime library, from C"
"$work/build/stranger_runtime" "$work/build.log"
flags_of linnet-runtime
${CC:-cc} -std=c11 "$here/runtime.c" "${flags[@]}" -o "$work/runtime_by_pkg_config"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir linnet-runtime) "$work/runtime_by_pkg_config" "$work/build.log"

echo "its size, and what it needs"
runtime=$(find "$prefix" -name 'liblinnet_runtime.so.*.*.*')
strip -o "$work/stripped" "$runtime"
size=$(stat -c %s "$work/stripped")
echo "stripped $size bytes; at most 1500000 with every instruction set"
if ((size > 1500000)); then
  echo "it has grown beyond that"
  exit 1
fi
needed=$(readelf -d "$runtime" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
  grep -Ev '^(libhwy|libstdc\+\+|libm|libgcc_s|libc|ld-linux.*)\.so' || true)
if [ -n "$needed" ]; then
  echo "it needs more than Highway and the C++ library: $needed"
  exit 1
fi

echo "the program"
expect_archs "$prefix/bin/linnet"

echo "the headers in C, and each by itself"
for header in "$prefix"/include/linnet/*.h; do
  ${CC:-cc} -std=c99 -Wall -Wextra -Werror -fsyntax-only -I "$prefix/include" "$header"
done
for header in "$prefix"/include/linnet/*; do
  ${CXX:-c++} -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I "$prefix/include" \
    -include "$header" /dev/null
done
echo "installed, found, built, run"
