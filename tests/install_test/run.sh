#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh cmake|pkg-config PREFIX: builds the small project of this folder against the library
# installed in PREFIX, outside the source tree, and runs it. All of both archives is linked, so a
# library that the package description forgets is an undefined symbol here.
set -eu
way=$1
prefix=$2
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$here/CMakeLists.txt" "$here/main.cc" "$scratch"
cd "$scratch"

# The package must not lead back to the tree it was built in.
if grep -rIF "$LEADCORE_TREE/" "$prefix/lib" "$prefix/include"; then
  echo "the installed files name the source tree (lines above)"
  exit 1
fi

case $way in
  cmake)
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$CXX" >cmake.log ||
      { cat cmake.log; exit 1; }
    cmake --build build >build.log || { cat build.log; exit 1; }
    ./build/consumer
    ;;
  pkg-config)
    pc=$(find "$prefix" -name leadcore.pc)
    PKG_CONFIG_PATH=$(dirname "$pc")
    export PKG_CONFIG_PATH
    for static in "" --static; do
      # shellcheck disable=SC2046,SC2086 # the words of pkg-config are separate arguments
      "$CXX" -std=c++20 main.cc -o consumer -Wl,--whole-archive \
        $(pkg-config --variable=libdir leadcore | sed 's/^/-L/') -lleadcore_sqlite \
        -lleadcore_engine -Wl,--no-whole-archive $(pkg-config --cflags --libs $static leadcore)
      ./consumer
    done
    ;;
  *)
    echo "usage: run.sh cmake|pkg-config PREFIX"
    exit 2
    ;;
esac

# The command is installed too, and finds its way from there.
if [ -x "$prefix/bin/leadcore" ]; then
  "$prefix/bin/leadcore" --help >/dev/null
fi
