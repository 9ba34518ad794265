// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SQLITE_STORE_H_
#define LEADCORE_SQLITE_STORE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "leadcore/store.h"

namespace leadcore {

struct SqliteOptions {
  std::string path;
  // false: no owner lock is taken; Commit answers FAILED_PRECONDITION; works beside a live owner.
  bool write = true;
  // For a new file only; with false a missing file is NOT_FOUND.
  bool create = true;
  // How long to wait for another process that owns the file; polls 50 times a second.
  absl::Duration wait = absl::ZeroDuration();
  // Callers of Commit that may wait at once; one more gets RESOURCE_EXHAUSTED.
  size_t most_waiting = 1000;
  // Of a new file, in bytes: a power of two from 1,024 to 65,536.
  int page_size = 4096;
  // A registered SQLite VFS under which the files lie; "" is the system's. With another one no
  // owner lock is taken: whoever brings it keeps others away.
  std::string vfs = {};
  RandomSource random = SystemRandom();
};

// The embedded store: one SQLite file in WAL mode with synchronous=FULL. One process writes (it
// holds a lock on PATH.lock, freed by the kernel when the process ends), any process may read
// beside it. One connection does all writes and checkpoints; readers are query-only. Fails with
// FAILED_PRECONDITION when another process owns the file (the message names its pid and the two
// ways out) or when the file was written by a newer version; INVALID_ARGUMENT when the file is no
// leadcore database; DATA_LOSS when it is damaged.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options);

// Copies a database as it stands into a new file, beside a live owner: SQLite's online backup,
// which checks every page. `to` appears when it is whole. FAILED_PRECONDITION when it is there
// already. To restore is to copy the backup to where the database shall be.
absl::Status BackupSqliteStore(const std::string& from, const std::string& to);

// As BackupSqliteStore, of a file into which another program wrote: pages are taken whatever their
// checksums say, and get right ones. What comes out has to be proved before it is used (Verify,
// VerifyWorkspace of each workspace).
absl::Status SealSqliteStore(const std::string& from, const std::string& to);

// Writes the file of an open store anew, so that nothing that was deleted is left in it or in its
// log; it holds up other writers. Needs room for a second copy in the log, and for a third, which
// nobody else can open, where SQLite keeps temporary files (SQLITE_TMPDIR, TMPDIR, /var/tmp, /tmp:
// the first that is there). UNAVAILABLE while a reader looks at an older state. INVALID_ARGUMENT
// for a store of another kind.
absl::Status VacuumSqliteStore(Store* store);

}  // namespace leadcore

#endif  // LEADCORE_SQLITE_STORE_H_
