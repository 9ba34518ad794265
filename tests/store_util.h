// SPDX-License-Identifier: Apache-2.0
//
// A store of either kind in a place of its own, and short ways to read one.
#ifndef LEADCORE_TESTS_STORE_UTIL_H_
#define LEADCORE_TESTS_STORE_UTIL_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "leadcore/store.h"
#include "test_util.h"

namespace leadcore::testing {

struct HeldStore {
  explicit HeldStore(StoreKind kind) {
    if (kind == StoreKind::kMemory) {
      store = NewMemoryStore();
      return;
    }
    auto opened = OpenSqliteStore({folder / "s.db"});
    EXPECT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
  }
  Folder folder;  // after the store in the order of destruction
  std::unique_ptr<Store> store;
};

// "id=body" of a page.
inline std::vector<std::string> ScanOf(const Snapshot& snapshot, const ScanRequest& request) {
  std::vector<std::string> listed;
  const absl::Status status =
      snapshot.Scan(request, [&](const StoredRecord& record, const IndexValue&) {
        listed.push_back(record.key.id + "=" + record.body);
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  return listed;
}

inline std::vector<Event> FeedOf(const Store& store, FeedRequest request = {},
                                 std::string_view workspace = "w") {
  if (request.limit == FeedRequest().limit) request.limit = 10'000;
  std::vector<Event> events;
  const absl::Status status = store.Feed(workspace, request, [&](const Event& event) {
    events.push_back(event);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  return events;
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_STORE_UTIL_H_
