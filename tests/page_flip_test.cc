// SPDX-License-Identifier: Apache-2.0
//
// Every byte of a database is flipped, one at a time: whatever is read then is an error or exactly
// what was read before.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "disk_vfs.h"
#include "store_util.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

constexpr const char* kPath = "/flip.db";

// 20 leads with all that belongs to them, in pages of 1 KiB; closed, so that no log is left.
DiskFiles MakeDatabase() {
  FakeDisk disk("flip-source");
  auto store = OpenSqliteStore({.path = kPath, .page_size = 1024, .vfs = disk.name()});
  EXPECT_TRUE(store.ok()) << store.status();
  const std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  Call call{FromMicros(kStart), "tester", "open", ""};
  auto engine = Engine::Open({model, "test", false}, store->get(), call);
  EXPECT_TRUE(engine.ok()) << engine.status();
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    call.request_id = "submit-" + number;
    const std::string name = "Person No" + number;
    const std::string email = "p" + number + "@people.example.com";
    // One description is longer than a page.
    const std::string text(i == 7 ? 3000 : 20, 'd');
    const Reply reply = (*engine)->SubmitLead(
        call, MakeLead(*model, {{"full_name", name}, {"email", email}, {"description", text}}));
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
    call.request_id = "log-" + number;
    EXPECT_TRUE((*engine)->Log(call, MakeActivity(reply.lead_id, "call")).status.ok());
  }
  engine->reset();
  store->reset();
  return disk.Files();
}

// All that the reading commands can say, or the first error.
absl::StatusOr<std::string> ReadAll(const std::string& vfs, std::vector<std::string>* ids) {
  const auto store = OpenSqliteStore({.path = kPath, .write = false, .vfs = vfs});
  if (!store.ok()) return store.status();
  std::string all;
  const auto snapshot = (*store)->Read("test");
  if (!snapshot.ok()) return snapshot.status();
  for (int kind = 1; kind <= static_cast<int>(RecordKind::kRequest); ++kind) {
    for (const char* index : {"", "status", "search.email", "lead", "score"}) {
      if (kind > 3 && *index != '\0') continue;
      ScanRequest scan;
      scan.kind = static_cast<RecordKind>(kind);
      scan.index = index;
      const absl::Status status =
          (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
            all += record.key.id + ' ' + std::to_string(record.version) + record.body + '\n';
            if (kind == 1 && *index == '\0' && ids->size() < 20) ids->push_back(record.key.id);
            return true;
          });
      if (!status.ok()) return status;
    }
  }
  for (const std::string& id : *ids) {
    const auto record = (*snapshot)->Get({RecordKind::kLead, id});
    if (!record.ok()) return record.status();
    all += *record ? (*record)->body : "none";
    FeedRequest history;
    history.lead = id;
    const absl::Status status = (*store)->Feed("test", history, [&](const Event& event) {
      all += event.type + event.chain;
      return true;
    });
    if (!status.ok()) return status;
  }
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    const auto holder = (*snapshot)->Lookup("email:p" + number + "@people.example.com");
    if (!holder.ok()) return holder.status();
    all += holder->value_or("nobody");
    const auto outcome = (*store)->FindOutcome("test", "log-" + number);
    if (!outcome.ok()) return outcome.status();
    all += *outcome ? (*outcome)->reply : "unknown";
  }
  const absl::Status status = (*store)->Feed("test", {}, [&](const Event& event) {
    all += event.request_id + event.payload + event.salt + event.chain;
    return true;
  });
  if (!status.ok()) return status;
  return all;
}

struct Counts {
  std::atomic<size_t> detected = 0, harmless = 0, wrong = 0;
};

// Flips with `mask` what `pick` says yes to.
void Flip(const std::string& name, const DiskFiles& files, const std::string& expected,
          unsigned char mask, size_t first, size_t step, Counts* counts,
          std::vector<std::string> ids) {
  FakeDisk disk(name, files);
  const std::string original = *disk.File(kPath);
  std::string* const content = disk.File(kPath);
  for (size_t at = first; at < original.size(); at += step) {
    (*content)[at] = static_cast<char>((*content)[at] ^ mask);
    const absl::StatusOr<std::string> read = ReadAll(disk.name(), &ids);
    if (!read.ok()) {
      ++counts->detected;
    } else if (*read == expected) {
      ++counts->harmless;
    } else {
      ++counts->wrong;
      ADD_FAILURE() << "byte " << at << " of page " << at / 1024 + 1 << " changed the answer";
    }
    (*content)[at] = original[at];
  }
}

// Threads of this test would stand in line for SQLite's account of its memory.
void GoWithoutMemoryStatus() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

TEST(PageFlip, EveryFlippedByteIsFoundOrHarmless) {
  GoWithoutMemoryStatus();
  const DiskFiles files = MakeDatabase();
  ASSERT_EQ(files.count(std::string(kPath) + "-wal"), 0u);
  std::vector<std::string> ids;
  std::string expected;
  {
    FakeDisk disk("flip-whole", files);
    const absl::StatusOr<std::string> read = ReadAll(disk.name(), &ids);
    ASSERT_TRUE(read.ok()) << read.status();
    expected = *read;
    ASSERT_EQ(ids.size(), 20u);
  }
  const size_t size = files.at(kPath).size();
  // Every byte, or with LEADCORE_LONG every bit; under a sanitizer some of them.
  std::vector<unsigned char> masks = {0xff};
  if (std::getenv("LEADCORE_LONG") != nullptr) masks = {1, 2, 4, 8, 16, 32, 64, 128};
  const size_t step = size / std::max<size_t>(Scaled(size) / (Scaled(10) == 10 ? 1 : 10), 1);
  Counts counts;
  for (const unsigned char mask : masks) {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        Flip("flip-" + std::to_string(i), files, expected, mask, i * step, 2 * step, &counts, ids);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::cout << counts.detected << " flips found, " << counts.harmless << " harmless, of a file of "
            << size << " bytes\n";
  EXPECT_EQ(counts.wrong, 0u);
  EXPECT_GT(counts.detected, 5 * counts.harmless);
}

// What is asked of the same file past the checksums.
absl::StatusOr<std::string> ReadPlainly(const std::string& vfs) {
  sqlite3* database = nullptr;
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_open_v2(kPath, &database, SQLITE_OPEN_READWRITE, vfs.c_str());
  std::string all;
  for (const char* sql : {"SELECT id, hex(body) FROM lead_records ORDER BY id",
                          "SELECT id, full_name FROM lead_records WHERE full_name>''",
                          "SELECT position, type FROM events", "SELECT key, holder FROM claims"}) {
    if (code == SQLITE_OK) code = sqlite3_prepare_v2(database, sql, -1, &statement, nullptr);
    while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
      for (int i = 0; i < 2; ++i) {
        all.append(static_cast<const char*>(sqlite3_column_blob(statement, i)),
                   static_cast<size_t>(sqlite3_column_bytes(statement, i)));
      }
    }
    const int end = sqlite3_finalize(statement);
    statement = nullptr;
    if (code == SQLITE_OK) code = end;
  }
  sqlite3_close(database);
  if (code != SQLITE_OK) return absl::DataLossError("SQLite says so");
  return all;
}

// The canary: without checksums flips give wrong answers.
TEST(PageFlip, WithoutChecksumsWrongAnswersAreFound) {
  const DiskFiles files = MakeDatabase();
  FakeDisk disk("flip-plain", files);
  const absl::StatusOr<std::string> expected = ReadPlainly(disk.name());
  ASSERT_TRUE(expected.ok());
  std::string* const content = disk.File(kPath);
  size_t wrong = 0;
  for (size_t at = 1; at < content->size(); at += 101) {
    (*content)[at] = static_cast<char>((*content)[at] ^ 0xff);
    const absl::StatusOr<std::string> read = ReadPlainly(disk.name());
    wrong += read.ok() && *read != *expected ? 1 : 0;
    (*content)[at] = static_cast<char>((*content)[at] ^ 0xff);
  }
  std::cout << wrong << " wrong answers\n";
  EXPECT_GT(wrong, 10u);
}

}  // namespace
}  // namespace leadcore::testing
