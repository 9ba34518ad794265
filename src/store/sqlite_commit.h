// SPDX-License-Identifier: Apache-2.0
//
// Batches against the tables of a file, inside the writer's open transaction.
#ifndef LEADCORE_SRC_STORE_SQLITE_COMMIT_H_
#define LEADCORE_SRC_STORE_SQLITE_COMMIT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "leadcore/store.h"
#include "store/seal.h"
#include "store/sqlite_database.h"
#include "store/stamps.h"

namespace leadcore {

// What the one writer of a file knows of it without asking. Valid between its transactions; after a
// failed one it is made anew.
struct WriterState {
  struct Table {
    // The columns that are indexes, and their places in `put`.
    std::unordered_map<std::string, size_t> columns;
    std::string put, version, remove;  // statements
  };
  // What is in the file, or will be with this transaction.
  struct Counter {
    int64_t value = 0;
    bool changed = false;
  };
  std::map<RecordKind, Table> tables;
  std::map<std::string, std::map<std::string, Counter, std::less<>>, std::less<>> counters;
  std::map<std::string, FeedHead, std::less<>> heads;  // by workspace
};

class SqliteCommitter {
 public:
  SqliteCommitter(SqliteDatabase* database, WriterState* state, const RandomSource& random)
      : database_(*database), state_(*state), random_(random) {}

  // One batch of `workspace`; `before`: what became of the earlier ones of its call. Not OK: the
  // transaction has to be rolled back and the state made anew.
  absl::Status Run(std::string_view workspace, const Batch& batch,
                   std::span<const CommitResult> before, CommitResult* result);

  // Writes what was kept for the end of the transaction: counters that changed many times.
  absl::Status Finish();

  // Bytes of what was written so far, about.
  size_t bytes() const { return bytes_; }
  // Something was written that no event tells.
  bool silent() const { return silent_; }
  // What was written, for Store::Stamp.
  const Stamps::Set& written() const { return written_; }

 private:
  absl::StatusOr<bool> Refused(const Batch& batch, std::span<const CommitResult> before,
                               CommitResult* result);
  absl::StatusOr<bool> Known(const Batch& batch, CommitResult* result);
  absl::StatusOr<FeedHead*> Head();
  absl::StatusOr<WriterState::Table*> TableOf(RecordKind kind);
  absl::Status Apply(const Batch& batch, const Writes& writes, CommitResult* result);
  absl::StatusOr<WriterState::Counter*> CounterOf(std::string_view name);
  absl::StatusOr<bool> ExchangeClaims(const Batch& batch, CommitResult* result);
  absl::StatusOr<bool> TakeClaim(const Claim& claim);
  absl::StatusOr<bool> DropClaim(const Claim& claim);
  // Makes columns for entries that no record had before.
  absl::Status AddColumns(const Put& put, WriterState::Table* table);
  absl::Status Delete(const RecordKey& key);
  absl::Status WriteRecord(const Put& put);
  absl::Status WriteEvent(const Event& event);
  absl::Status Erase(int64_t position);
  absl::Status Remember(const Batch& batch, const CommitResult& result);
  absl::StatusOr<int64_t> Integer(std::string_view sql, std::string_view key);
  absl::StatusOr<std::string> HolderOf(std::string_view claim);

  SqliteDatabase& database_;
  WriterState& state_;
  const RandomSource& random_;
  std::string_view workspace_;
  size_t bytes_ = 0;
  std::vector<const IndexValue*> row_;  // of WriteRecord
  bool silent_ = false;
  Stamps::Set written_;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SQLITE_COMMIT_H_
