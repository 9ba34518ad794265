// SPDX-License-Identifier: Apache-2.0
//
// What is read of a log past SQLite is what SQLite itself would take from it, however it is
// damaged.
#include "store/log_index.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "store_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

LogIndex IndexOf(const std::string& log) {
  return ReadLogIndex([&log](int64_t offset, unsigned char* out, size_t size) {
    if (static_cast<size_t>(offset) + size > log.size()) return false;
    std::memcpy(out, log.data() + offset, size);
    return true;
  });
}

void Execute(sqlite3* database, const char* sql) {
  ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
}

// A database and its log of three commits, copied while they are in use.
class LogIndexTest : public ::testing::Test {
 protected:
  LogIndexTest() {
    const std::string path = folder_ / "a.db";
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    Execute(database, "PRAGMA page_size=1024; PRAGMA journal_mode=WAL; CREATE TABLE t(a, b)");
    Execute(database, "PRAGMA wal_checkpoint(TRUNCATE)");
    for (int commit = 1; commit <= 3; ++commit) {
      Execute(database, "INSERT INTO t VALUES(1, randomblob(1500)), (2, randomblob(1500))");
      ends_.push_back(ReadFile(path + "-wal").size());
    }
    main_ = ReadFile(path);
    log_ = ReadFile(path + "-wal");
    sqlite3_close(database);
  }

  // How many rows SQLite finds with this log.
  int Rows(const std::string& log) const {
    const std::string path = folder_ / "copy.db";
    std::ofstream(path, std::ios::binary) << main_;
    std::ofstream(path + "-wal", std::ios::binary) << log;
    sqlite3* database = nullptr;
    sqlite3_stmt* rows = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_prepare_v2(database, "SELECT count(*) FROM t", -1, &rows, nullptr),
              SQLITE_OK);
    EXPECT_EQ(sqlite3_step(rows), SQLITE_ROW);
    const int count = sqlite3_column_int(rows, 0);
    sqlite3_finalize(rows);
    sqlite3_close(database);
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(path + end);
    return count;
  }

  const Folder folder_;
  std::string main_, log_;
  std::vector<size_t> ends_;  // of the commits
};

TEST_F(LogIndexTest, TheLastCommitTellsHowManyPagesThereAre) {
  const LogIndex index = IndexOf(log_);
  EXPECT_EQ(index.page_size, 1024);
  EXPECT_GT(index.count, static_cast<int64_t>(main_.size() / 1024));
  EXPECT_EQ(index.pages.rbegin()->first, index.count);
  for (const auto& [page, place] : index.pages) {
    EXPECT_EQ((place - 32 - 24) % (24 + 1024), 0) << page;
  }
}

TEST_F(LogIndexTest, WhatIsCutOffEndsAtTheCommitBefore) {
  ASSERT_EQ(Rows(log_), 6);
  for (size_t size = 0; size <= log_.size(); size += 101) {
    const std::string log = log_.substr(0, size);
    size_t commits = 0;
    while (commits < ends_.size() && ends_[commits] <= size) ++commits;
    const LogIndex whole = IndexOf(log_.substr(0, commits == 0 ? 0 : ends_[commits - 1]));
    const LogIndex index = IndexOf(log);
    EXPECT_EQ(index.pages, whole.pages) << size;
    EXPECT_EQ(index.count, whole.count) << size;
  }
}

TEST_F(LogIndexTest, AFlippedByteTakesItsCommitAndAllBehindIt) {
  for (size_t at = 0; at < log_.size(); at += 37) {
    std::string log = log_;
    log[at] = static_cast<char>(log[at] ^ 0x40);
    const int rows = Rows(log);
    const size_t end = rows == 0 ? 0 : ends_[static_cast<size_t>(rows) / 2 - 1];
    EXPECT_EQ(IndexOf(log).pages, IndexOf(log_.substr(0, end)).pages) << at;
  }
}

}  // namespace
}  // namespace leadcore::testing
