// SPDX-License-Identifier: Apache-2.0
//
// The SQLite file: what survives closing, who may write it, and what is no database of ours.
#include "leadcore/sqlite_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/sqlite_page_vfs.h"
#include "store_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

void PutOne(Store* store, const std::string& id) {
  Batch batch;
  batch.request_id = "r" + id;
  batch.claims = {{"k" + id, id}};
  batch.counters = {"n"};
  batch.finish = [id](const Given& given) {
    const std::span<const int64_t> counters = given.counters;
    Event event;
    event.type = "created";
    event.leads = {id};
    return Writes{.puts = {{{RecordKind::kLead, id}, "body of " + id, {{"owner", "ann"}}}},
                  .counters = {{"n", counters[0] + 1}},
                  .events = {event}};
  };
  CommitResult result;
  const absl::Status status = store->Commit("w", std::span(&batch, 1), std::span(&result, 1));
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(result.code, CommitResult::Code::kCommitted);
}

std::unique_ptr<Store> Opened(const SqliteOptions& options) {
  auto store = OpenSqliteStore(options);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// As the store's own connections would, or with `vfs` nullptr as another program.
void RunSql(const std::string& path, const char* sql, const char* vfs = nullptr) {
  sqlite3* database = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  ASSERT_EQ(sqlite3_open_v2(path.c_str(), &database, kFlags, vfs), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST(SqliteStore, KeepsEverythingWhenClosed) {
  const Folder folder;
  {
    const auto store = Opened({folder / "s.db"});
    PutOne(store.get(), "a");
    PutOne(store.get(), "b");
  }
  const auto store = Opened({folder / "s.db"});
  const auto snapshot = *store->Read("w");
  EXPECT_THAT(ScanOf(*snapshot, {.index = "owner"}), ElementsAre("a=body of a", "b=body of b"));
  EXPECT_EQ(**snapshot->Lookup("kb"), "b");
  EXPECT_EQ(*snapshot->Counter("n"), 2);
  EXPECT_EQ(FeedOf(*store).size(), 2u);
  EXPECT_TRUE((*store->FindOutcome("w", "ra")).has_value());
  EXPECT_TRUE(store->Verify([](std::string_view) {}).ok());
  PutOne(store.get(), "c");
  EXPECT_EQ(FeedOf(*store).back().position, 3);
}

// ---- The log

// Ten megabytes, in place of those before.
absl::Status PutMuch(Store* store, char fill) {
  Batch batch;
  batch.finish = [fill](const Given&) {
    Writes writes;
    for (char id = 'a'; id < 'k'; ++id) {
      writes.puts.push_back(
          {{RecordKind::kMeta, std::string(1, id)}, std::string(1 << 20, fill), {}});
    }
    return writes;
  };
  CommitResult result;
  return store->Commit("w", std::span(&batch, 1), std::span(&result, 1));
}

// There is no moment in which nobody reads, but nobody reads for long.
TEST(SqliteLog, IsBoundedAlthoughReadersOverlap) {
  const Folder folder;
  const auto store = Opened({.path = folder / "s.db", .page_size = 1024});
  ASSERT_TRUE(PutMuch(store.get(), 'a').ok());
  std::atomic<bool> done = false;
  std::thread reader([&] {
    for (auto snapshot = *store->Read("w"); !done;) {
      auto next = *store->Read("w");
      const auto first = *next->Get({RecordKind::kMeta, "a"});
      const auto last = *next->Get({RecordKind::kMeta, "j"});
      EXPECT_EQ(first->body.back(), last->body.back()) << "of one commit";
      snapshot = std::move(next);
    }
  });
  for (char fill = 'b'; fill <= 'z'; ++fill) EXPECT_TRUE(PutMuch(store.get(), fill).ok());
  done = true;
  reader.join();
  // 32,768 pages, and the two commits before which it was not longer and after which it was.
  EXPECT_LT(std::filesystem::file_size(folder / "s.db-wal"), (33 + 2 * 12) << 20);
}

// ---- Pages

// As beside an erasure, which writes the whole file anew.
TEST(SqlitePages, WhatIsBehindTheEndOfAFileThatGotShorterIsNotDamaged) {
  const Folder folder;
  const std::string path = folder / "s.db";
  PutOne(Opened({.path = path, .page_size = 1024}).get(), "a");
  ASSERT_GT(std::filesystem::file_size(path), 20u * 1024);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4 * 1024 + 500);
    file.put('\x5a');
  }
  std::vector<int64_t> damaged;
  const absl::Status status = CheckPages(path, "", [&](int64_t page) {
    damaged.push_back(page);
    std::filesystem::resize_file(path, 6 * 1024);
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(damaged, ElementsAre(5));
}

// ---- Who may write

TEST(SqliteOwner, ASecondWriterIsToldWhoTheFirstIsAndReadersAreNotStopped) {
  const Folder folder;
  auto owner = Opened({folder / "s.db"});
  PutOne(owner.get(), "a");
  const auto second = OpenSqliteStore({folder / "s.db"});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(second.status()), HasSubstr(std::to_string(getpid())));

  const auto reader = Opened({.path = folder / "s.db", .write = false});
  EXPECT_THAT(ScanOf(**reader->Read("w"), {}), ElementsAre("a=body of a"));
  PutOne(owner.get(), "b");
  EXPECT_EQ(ScanOf(**reader->Read("w"), {}).size(), 2u) << "a reader sees what comes after it";
  Batch batch;
  CommitResult result;
  EXPECT_EQ(reader->Commit("w", std::span(&batch, 1), std::span(&result, 1)).code(),
            absl::StatusCode::kFailedPrecondition);

  EXPECT_NE(owner->Stamp("w", "a"), 0u);
  EXPECT_EQ(reader->Stamp("w", "a"), 0u) << "others may write";

  std::filesystem::create_symlink("s.db", folder / "link.db");
  EXPECT_EQ(OpenSqliteStore({folder / "link.db"}).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "another name of the same file";

  owner.reset();
  EXPECT_NE(Opened({folder / "s.db"}), nullptr) << "free again";
}

TEST(SqliteOwner, TheKernelFreesTheLockOfAProcessThatDies) {
  const Folder folder;
  { Opened({folder / "s.db"}); }
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto store = OpenSqliteStore({folder / "s.db"});
    PutOne(store->get(), "a");
    const bool told = write(ready[1], store.ok() ? "y" : "n", 1) == 1;
    while (told) pause();
    _exit(1);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto refused = OpenSqliteStore({folder / "s.db"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(refused.status()), HasSubstr(std::to_string(child)));
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(ready[0]);
  close(ready[1]);
  const auto store = Opened({folder / "s.db"});
  EXPECT_THAT(ScanOf(**store->Read("w"), {}), ElementsAre("a=body of a"));
}

// ---- What is no database of ours

TEST(SqliteFile, IsRefusedWhenItIsMissingOrInNoFolder) {
  const Folder folder;
  const auto missing = OpenSqliteStore({.path = folder / "s.db", .create = false});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenSqliteStore({.path = folder / "s.db", .write = false}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder / "s.db"));
  EXPECT_FALSE(OpenSqliteStore({folder / "none/s.db"}).ok());

  std::ofstream(folder / "empty.db").flush();
  const auto empty = OpenSqliteStore({.path = folder / "empty.db", .create = false});
  EXPECT_EQ(empty.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::filesystem::file_size(folder / "empty.db"), 0u);
}

TEST(SqliteFile, HasAPlainName) {
  for (const std::string path : {"", ":memory:", "file:leads.db?mode=memory"}) {
    const auto store = OpenSqliteStore({path});
    EXPECT_EQ(store.status().code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_FALSE(std::filesystem::exists(path + ".lock")) << path;
  }
}

TEST(SqliteFile, OfAnotherProgramOrANewerVersionIsLeftAlone) {
  const Folder folder;
  RunSql(folder / "other.db", "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  const auto other = OpenSqliteStore({folder / "other.db"});
  EXPECT_EQ(other.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(other.status()), HasSubstr("another program"));

  { Opened({folder / "new.db"}); }
  RunSql(folder / "new.db", "PRAGMA user_version=99", PageVfs("")->c_str());
  const auto newer = OpenSqliteStore({folder / "new.db"});
  EXPECT_EQ(newer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(newer.status()), AllOf(HasSubstr("newer"), HasSubstr("99")));
}

TEST(SqliteFile, ThatAnotherProgramWroteToIsDamaged) {
  const Folder folder;
  { PutOne(Opened({folder / "s.db"}).get(), "a"); }
  RunSql(folder / "s.db", "UPDATE lead_records SET body='b'");
  const auto store = Opened({folder / "s.db"});
  EXPECT_EQ((*store->Read("w"))->Get({RecordKind::kLead, "a"}).status().code(),
            absl::StatusCode::kDataLoss);
  std::vector<std::string> damage;
  EXPECT_EQ(store->Verify([&](std::string_view what) { damage.emplace_back(what); }).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_THAT(damage, Contains(HasSubstr("its checksum is wrong")));
  EXPECT_THAT(damage, Contains(HasSubstr("table lead_records cannot be read whole")));
}

TEST(SqliteFile, ThatIsNoDatabaseIsRefusedUntouched) {
  const Folder folder;
  const std::string text = "Name,Email\n" + std::string(5000, 'x');
  std::ofstream(folder / "a.csv") << text;
  const auto store = OpenSqliteStore({folder / "a.csv"});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kInvalidArgument) << store.status();
  EXPECT_EQ(ReadFile(folder / "a.csv"), text);
  std::filesystem::create_directory(folder / "d");
  EXPECT_FALSE(OpenSqliteStore({folder / "d"}).ok());
}

TEST(SqliteFile, ThatIsDamagedIsToldByVerify) {
  const Folder folder;
  {
    const auto store = Opened({folder / "s.db"});
    for (int i = 0; i < 300; ++i) PutOne(store.get(), std::to_string(i));
  }
  {
    std::fstream file(folder / "s.db", std::ios::in | std::ios::out | std::ios::binary);
    for (const int page : {5, 9, 13, 17, 21}) {
      file.seekp(page * 4096);
      file << std::string(4096, '\x5a');
    }
  }
  const auto store = OpenSqliteStore({folder / "s.db"});
  if (store.ok()) {
    EXPECT_EQ((*store)->Verify([](std::string_view) {}).code(), absl::StatusCode::kDataLoss);
  } else {
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
  }
}

TEST(SqliteFile, IsCopiedAsItStandsBesideItsOwner) {
  const Folder folder;
  const auto owner = Opened({folder / "s.db"});
  PutOne(owner.get(), "a");
  ASSERT_TRUE(BackupSqliteStore(folder / "s.db", folder / "copy.db").ok());
  PutOne(owner.get(), "b");
  const auto copy = Opened({folder / "copy.db"});
  EXPECT_THAT(ScanOf(**copy->Read("w"), {}), ElementsAre("a=body of a"));
  EXPECT_EQ(BackupSqliteStore(folder / "s.db", folder / "copy.db").code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(BackupSqliteStore(folder / "none.db", folder / "copy2.db").ok());
  const std::string long_name(300, 'x');
  EXPECT_FALSE(BackupSqliteStore(folder / "s.db", folder / long_name.c_str()).ok());
}

}  // namespace
}  // namespace leadcore::testing
