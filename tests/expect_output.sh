#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# expect_output.sh EXPECTED PROGRAM: the program succeeds and prints exactly what the file holds. It
# runs in an empty folder.
set -eu
expected=$1
program=$2
if [ ! -f "$expected" ]; then
  echo "no expected output: $expected"
  exit 1
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/empty"
status=0
(cd "$scratch/empty" && "$program") >"$scratch/actual" || status=$?
if [ "$status" -ne 0 ]; then
  echo "$program ended with exit code $status after printing:"
  cat "$scratch/actual"
  exit 1
fi
diff -u "$expected" "$scratch/actual"
