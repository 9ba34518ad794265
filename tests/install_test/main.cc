// SPDX-License-Identifier: Apache-2.0
//
// A stranger's program: everything it knows of leadcore comes from the installed package. The build
// links both archives whole, so this needs to touch little: it is the link that is under test.
#include <cstdio>
#include <memory>
#include <utility>

#include "leadcore/schema.h"
#include "leadcore/sqlite_store.h"

int main() {
  const std::shared_ptr<const leadcore::Schema> schema = leadcore::Schema::BuiltIn();
  const auto store = leadcore::OpenSqliteStore({.path = "no/such/file", .create = false});
  std::printf("%zu fields; a store that is not there: %d\n", schema->fields().size(),
              static_cast<int>(store.status().code()));
  return store.ok() ? 1 : 0;
}
