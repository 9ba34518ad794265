// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <map>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "leadcore/sqlite_store.h"
#include "store/commit_queue.h"
#include "store/owner_lock.h"
#include "store/sqlite_commit.h"
#include "store/sqlite_database.h"
#include "store/sqlite_page_vfs.h"
#include "store/sqlite_snapshot.h"
#include "store/sqlite_tables.h"
#include "store/stamps.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kMostBatches = 10'000;  // of one call
// Of one call, and of those what is in memory at once.
constexpr size_t kMostEvents = 10'000;
constexpr size_t kMostEventsTogether = 256;
// What the leader of a group takes of others.
constexpr size_t kMostOfOthers = 1000;
constexpr size_t kMostBytesOfOthers = 8 << 20;

// The writer keeps the hot part of every index in memory. EXTRA is FULL with a log; before there is
// one, it keeps the journal in which a new file is made from coming back after a power loss. With
// secure_delete every page of the file is written, free ones too, and so has its checksum.
constexpr const char* kWriterSettings =
    "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA cache_size=-131072; "
    "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=1";

absl::Status PrepareWriter(SqliteDatabase* writer) {
  const absl::Status status = writer->Execute(kWriterSettings);
  writer->MoveLogBack();
  return status;
}

class SqliteStore : public Store {
 public:
  SqliteStore(const SqliteOptions& options, std::unique_ptr<OwnerLock> lock,
              std::unique_ptr<SqliteDatabase> writer)
      : path_(options.path),
        vfs_(options.vfs),
        write_(options.write),
        lock_(std::move(lock)),
        random_(options.random),
        queue_(options.most_waiting),
        writer_(std::move(writer)),
        readers_(path_, options.vfs) {}

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    return BeginSnapshot(&readers_, workspace);
  }

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    if (!write_) return FailedPrecondition(path_, " was opened for reading only");
    if (batches.size() > kMostBatches) {
      return InvalidArgument("a call commits at most ", kMostBatches, " batches, not ",
                             batches.size());
    }
    WaitingCommit own;
    own.workspace = workspace;
    own.batches = batches;
    own.results = results;
    return queue_.Run(&own, [this](WaitingCommit* first) { Lead(first); });
  }

  absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const override {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers_.Take();
    if (!database.ok()) return database.status();
    absl::StatusOr<std::optional<StoredOutcome>> outcome =
        ReadOutcome(database->get(), workspace, request_id);
    if (outcome.ok()) readers_.Give(*std::move(database));
    return outcome;
  }

  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    std::vector<Event> events;
    FeedRequest part = request;
    size_t left = std::min(request.limit, kMostEvents);
    bool more = true;
    for (size_t count = 0; left > 0 && more; left -= count) {
      part.limit = std::min(left, kMostEventsTogether);
      absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers_.Take();
      if (!database.ok()) return database.status();
      const absl::Status status =
          ReadFeed(database->get(), workspace, part, &events, &count, &more);
      if (status.ok()) readers_.Give(*std::move(database));
      // However long the caller takes, nothing in the store waits for it.
      for (size_t i = 0; i < count; ++i) {
        if (!sink(events[i])) return absl::OkStatus();
      }
      if (!status.ok()) return status;
      if (count > 0) part.after = events[count - 1].position;
    }
    return absl::OkStatus();
  }

  uint64_t Stamp(std::string_view workspace, std::string_view name) const override {
    // Without the lock others may write.
    return lock_ == nullptr ? 0 : stamps_.Of(workspace, name);
  }

  absl::Status Verify(absl::FunctionRef<void(std::string_view)> damage) const override {
    bool damaged = false;
    const auto tell = [&](std::string_view what) {
      damaged = true;
      damage(what);
    };
    absl::Status status = CheckPages(
        path_, vfs_, [&](int64_t page) { tell(Cat("page ", page, ": its checksum is wrong")); });
    if (!status.ok()) return status;
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers_.Take();
    if (!database.ok()) {
      if (!absl::IsDataLoss(database.status())) return database.status();
      tell(Message(database.status()));
    } else {
      status = CheckTables(database->get(), tell);
      if (!status.ok()) return status;
      readers_.Give(*std::move(database));
    }
    return damaged ? absl::DataLossError(ToAbsl(Cat(path_, " is damaged"))) : absl::OkStatus();
  }

  // Writes the whole file anew, so that nothing that was deleted is left in it or its log.
  absl::Status Vacuum() {
    if (!write_) return FailedPrecondition(path_, " was opened for reading only");
    WaitingCommit own;
    own.alone = true;
    return queue_.Run(&own, [this](WaitingCommit* first) {
      try {
        first->status = writer_ == nullptr ? Reopen() : absl::OkStatus();
        // SQLite's copy of the whole file on the way is too large for the memory.
        if (first->status.ok()) first->status = writer_->Execute("PRAGMA temp_store=FILE; VACUUM");
        if (writer_ != nullptr) writer_->Execute("PRAGMA temp_store=MEMORY").IgnoreError();
        if (first->status.ok()) first->status = WriteBack();
      } catch (const std::bad_alloc&) {
        first->status = no_memory_;
      }
      if (!first->status.ok()) Abandon();
    });
  }

 private:
  // Commits `first` and those who wait behind it in one transaction, and tells them. Throws
  // nothing: whoever waits must be told.
  void Lead(WaitingCommit* first) noexcept {
    WaitingCommit* last = first;
    absl::Status status;
    committing_ = false;
    try {
      status = CommitGroup(first, &last);
    } catch (const std::bad_alloc&) {
      status = committing_ ? unknown_ : no_memory_;
      if (committing_) writer_.reset();
    }
    if (!status.ok()) Abandon();
    for (WaitingCommit* call = first; true; call = call->next) {
      call->status = status;
      if (call == last) return;
    }
  }

  absl::Status CommitGroup(WaitingCommit* first, WaitingCommit** last) {
    if (writer_ == nullptr) {
      const absl::Status status = Reopen();
      if (!status.ok()) return status;
    }
    absl::Status status = writer_->Run("BEGIN IMMEDIATE");
    if (!status.ok()) return status;
    SqliteCommitter committer(writer_.get(), &state_, random_);
    size_t batches = 0;
    for (WaitingCommit* call = first; call != nullptr;) {
      *last = call;
      status = Write(*call, &committer);
      if (!status.ok()) return status;
      batches += call->batches.size();
      if (batches >= kMostOfOthers || committer.bytes() >= kMostBytesOfOthers) break;
      const WaitingCommit* const behind = call;
      call = queue_.Take(behind, kMostOfOthers - batches);
      if (call != nullptr || *last == first) continue;
      // Where several write, those whom the last group told may be about to come again: if they
      // wait for nothing but this processor, they are let in before the disk is.
      std::this_thread::yield();
      call = queue_.Take(behind, kMostOfOthers - batches);
    }
    status = committer.Finish();
    if (!status.ok()) return status;
    const Stamps::Set fresh = committer.written().Without(changing_);
    changing_.Add(fresh);
    stamps_.Add(fresh, 1);
    committing_ = true;
    status = writer_->Run("COMMIT");
    if (!status.ok()) status = Settle(status, committer.silent());
    if (!status.ok()) return status;
    stamps_.Add(changing_, 1);
    changing_ = {};
    return status;
  }

  static absl::Status Write(const WaitingCommit& call, SqliteCommitter* committer) {
    for (size_t i = 0; i < call.batches.size(); ++i) {
      const absl::Status status =
          committer->Run(call.workspace, call.batches[i], call.results.first(i), &call.results[i]);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // After a failure: nothing of the transaction stays, neither in the file nor in what is known.
  void Abandon() noexcept {
    state_ = WriterState();
    if (writer_ == nullptr) return;
    writer_->Forget();
    if (!writer_->Rollback()) writer_.reset();
  }

  absl::Status Reopen() {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> writer =
        SqliteDatabase::Open(path_, SqliteDatabase::Mode::kWrite, vfs_);
    if (!writer.ok()) return writer.status();
    writer_ = *std::move(writer);
    state_ = WriterState();
    return PrepareWriter(writer_.get());
  }

  // COMMIT failed: what became of the transaction only the file knows. All of it is in, or nothing.
  // `silent`: the feed does not tell.
  absl::Status Settle(const absl::Status& error, bool silent) {
    const std::map<std::string, FeedHead, std::less<>> heads = std::move(state_.heads);
    writer_.reset();
    absl::Status status = Reopen();
    absl::StatusOr<bool> in = absl::UnknownError("no event was written");
    if (status.ok() && !silent) in = IsIn(heads);
    if (status.ok()) status = in.status();
    // Only what the disk takes now settles it: pages that it refused to write down before may be
    // in its cache, and a commit that was not told may come back after a crash.
    if (status.ok()) status = *in ? WriteBack() : WriteOver();
    if (status.ok()) return *in ? absl::OkStatus() : error;
    return absl::UnavailableError(
        ToAbsl(Cat("it is not known whether this was written; retry with the same request id (",
                   Message(error), ")")));
  }

  // Whether the feeds end as the writer had left them.
  absl::StatusOr<bool> IsIn(const std::map<std::string, FeedHead, std::less<>>& heads) {
    for (const auto& [workspace, head] : heads) {
      const absl::StatusOr<FeedHead> now = ReadHead(writer_.get(), workspace);
      if (!now.ok()) return now.status();
      if (now->chain != head.chain) return false;
    }
    return true;
  }

  // Moves the whole log into the file.
  absl::Status WriteBack() {
    auto statement = writer_->Prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Step();
    if (!row.ok()) return row.status();
    if (*row && statement->Integer(0) == 0) return absl::OkStatus();
    return absl::UnavailableError(
        "a reader still looks at an older state; try again when it is done");
  }

  // Puts another commit where the failed one stood in the log.
  absl::Status WriteOver() { return writer_->Execute(Cat("PRAGMA user_version=", kFileVersion)); }

  // Made while there is memory for them.
  const absl::Status no_memory_ =
      absl::ResourceExhaustedError("out of memory; nothing was written");
  const absl::Status unknown_ = absl::UnavailableError(
      "out of memory; it is not known whether this was written; retry with the same request id");

  const std::string path_;
  const std::string vfs_;
  const bool write_;
  const std::unique_ptr<OwnerLock> lock_;  // null when opened for reading, or under another VFS
  const RandomSource random_;
  CommitQueue queue_;
  // Of whoever leads the queue.
  std::unique_ptr<SqliteDatabase> writer_;
  WriterState state_;
  bool committing_ = false;  // COMMIT was tried
  // What was written since a commit succeeded: a failed one may not be settled before the next.
  Stamps::Set changing_;
  Stamps stamps_;
  mutable SqliteReaders readers_;
};

absl::Status CheckOptions(const SqliteOptions& options) {
  const bool size = options.page_size >= 1024 && options.page_size <= 65'536 &&
                    (options.page_size & (options.page_size - 1)) == 0;
  if (!size) {
    return InvalidArgument("page_size is a power of two from 1024 to 65536, not ",
                           options.page_size);
  }
  if (!options.random) return InvalidArgument("random: a source is needed");
  if (options.path.empty()) return InvalidArgument("the path of the database is empty");
  if (options.path.starts_with(":memory:") || options.path.starts_with("file:")) {
    return InvalidArgument(options.path, ": a database is a plain file; name one (\"./",
                           options.path, "\" if that is its name)");
  }
  // Under another VFS only that knows what is there.
  if (!options.vfs.empty()) return absl::OkStatus();
  std::error_code error;
  const bool exists = std::filesystem::exists(options.path, error);
  if (exists && std::filesystem::is_directory(options.path, error)) {
    return InvalidArgument(options.path, " is a folder; name a file");
  }
  if (exists || (options.write && options.create)) return absl::OkStatus();
  return NotFound("there is no database ", options.path, "; an import makes one");
}

// Gives a file its name, unless somebody took the name meanwhile.
absl::Status Publish(const std::string& part, const std::string& to) {
  std::error_code error;
  std::filesystem::create_hard_link(part, to, error);
  std::error_code unknown;
  const bool taken = std::filesystem::exists(to, unknown);
  // Some file systems have no links.
  if (error && !taken) std::filesystem::rename(part, to, error);
  if (!error) return absl::OkStatus();
  if (taken) return FailedPrecondition(to, " is there by now; name a new file");
  return FailedPrecondition(to, " cannot be written (", error.message(), ")");
}

// Copies all pages as one reader sees them. `to` is written as its own connection would.
absl::Status CopyPages(SqliteDatabase* from, SqliteDatabase* to) {
  // The copy begins anew whenever the source is written to, but not within a transaction.
  absl::Status status = from->Execute("BEGIN");
  if (status.ok()) status = from->QueryInteger("SELECT count(*) FROM sqlite_schema").status();
  if (!status.ok()) return status;
  sqlite3_backup* const backup = sqlite3_backup_init(to->handle(), "main", from->handle(), "main");
  if (backup == nullptr) return SqliteError(to->handle(), "copying");
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) {
    status = SqliteError(to->handle(), "copying");
    if (status.ok()) status = SqliteError(from->handle(), "copying");
  }
  const absl::Status ended = from->Execute("COMMIT");
  return status.ok() ? ended : status;
}

absl::Status Copy(const std::string& from, SqliteDatabase::Mode mode, const std::string& to) {
  SqliteOptions options;
  options.path = from;
  options.write = false;
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  std::error_code error;
  if (std::filesystem::exists(to, error)) {
    return FailedPrecondition(to, " is there already; name a new file");
  }
  // SQLite would take such a log for that of the new file.
  for (const char* log : {"-wal", "-journal"}) {
    if (!std::filesystem::exists(to + log, error) || std::filesystem::is_empty(to + log, error)) {
      continue;
    }
    return FailedPrecondition(to, log, " is there, of a database that is gone; remove it as well, ",
                              "or name another file");
  }
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> source = SqliteDatabase::Open(from, mode, "");
  if (!source.ok()) return source.status();
  bool fresh = false;
  status = CheckFile(source->get(), from, &fresh);
  if (!status.ok()) return status;
  // Under its name only when it is whole and on the disk.
  const std::string part = to + ".part";
  absl::StatusOr<std::unique_ptr<PartFile>> taken = PartFile::Take(part);
  if (!taken.ok()) return taken.status();
  {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> copy =
        SqliteDatabase::Open(part, SqliteDatabase::Mode::kCreate, "");
    if (!copy.ok()) return copy.status();
    status = CopyPages(source->get(), copy->get());
  }
  if (status.ok()) status = Publish(part, to);
  taken->reset();
  return status.ok() ? SyncFolderOf(to) : status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  using Mode = SqliteDatabase::Mode;
  bool fresh = false;
  if (!options.write) {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
        SqliteDatabase::Open(options.path, Mode::kRead, options.vfs);
    if (!database.ok()) return database.status();
    status = CheckFile(database->get(), options.path, &fresh);
    if (!status.ok()) return status;
    if (fresh) return InvalidArgument(options.path, " is empty; an import fills it");
    return std::make_unique<SqliteStore>(options, nullptr, nullptr);
  }
  std::unique_ptr<OwnerLock> lock;
  if (options.vfs.empty()) {
    absl::StatusOr<std::unique_ptr<OwnerLock>> taken = OwnerLock::Take(options.path, options.wait);
    if (!taken.ok()) return taken.status();
    lock = *std::move(taken);
  }
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(
      options.path, options.create ? Mode::kCreate : Mode::kWrite, options.vfs, options.page_size);
  if (!database.ok()) return database.status();
  status = CheckFile(database->get(), options.path, &fresh);
  if (status.ok() && fresh && !options.create) {
    status = InvalidArgument(options.path, " is empty; an import fills it");
  }
  if (status.ok()) status = PrepareWriter(database->get());
  if (status.ok() && fresh) status = CreateTables(database->get());
  if (!status.ok()) return status;
  return std::make_unique<SqliteStore>(options, std::move(lock), *std::move(database));
}

absl::Status BackupSqliteStore(const std::string& from, const std::string& to) {
  return Copy(from, SqliteDatabase::Mode::kRead, to);
}

absl::Status SealSqliteStore(const std::string& from, const std::string& to) {
  return Copy(from, SqliteDatabase::Mode::kReadUnsealed, to);
}

absl::Status VacuumSqliteStore(Store* store) {
  auto* const sqlite = dynamic_cast<SqliteStore*>(store);
  if (sqlite == nullptr) return InvalidArgument("this is no SQLite store");
  return sqlite->Vacuum();
}

}  // namespace leadcore
