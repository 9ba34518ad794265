// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_STORE_SQLITE_SNAPSHOT_H_
#define LEADCORE_SRC_STORE_SQLITE_SNAPSHOT_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "leadcore/store.h"
#include "store/seal.h"
#include "store/sqlite_database.h"

namespace leadcore {

// Connections that only read, kept for the next reader. Thread-safe.
class SqliteReaders {
 public:
  SqliteReaders(std::string path, std::string vfs);
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> Take();
  void Give(std::unique_ptr<SqliteDatabase> database) noexcept;

 private:
  const std::string path_;
  const std::string vfs_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteDatabase>> idle_;
};

// A read transaction; `readers` must outlive it.
absl::StatusOr<std::unique_ptr<Snapshot>> BeginSnapshot(SqliteReaders* readers,
                                                        std::string_view workspace);

// A request id as it was remembered, read by any connection.
absl::StatusOr<std::optional<StoredOutcome>> ReadOutcome(SqliteDatabase* database,
                                                         std::string_view workspace,
                                                         std::string_view request_id);
// Positions as eight bytes each, least first.
std::string EncodePositions(const std::vector<int64_t>& positions);

// Events of a feed request, oldest first: the first `count` of `events`, whose memory is used
// again; some megabytes at most, or one event. They are true also when what follows cannot be read.
// `more`: there may be others behind them.
absl::Status ReadFeed(SqliteDatabase* database, std::string_view workspace,
                      const FeedRequest& request, std::vector<Event>* events, size_t* count,
                      bool* more);
// The last event of a workspace.
absl::StatusOr<FeedHead> ReadHead(SqliteDatabase* database, std::string_view workspace);
// Ids of leads as one text, joined by spaces (ids have none).
std::string JoinLeads(const std::vector<std::string>& leads);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SQLITE_SNAPSHOT_H_
