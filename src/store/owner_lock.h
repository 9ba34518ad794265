// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_STORE_OWNER_LOCK_H_
#define LEADCORE_SRC_STORE_OWNER_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace leadcore {

// The right to write a database file: a lock on PATH.lock, held as long as this object and the
// process live, freed by the kernel. The file itself stays: to remove it would let two processes
// lock two files of one name.
class OwnerLock {
 public:
  // Asks again, 50 times a second, for as long as `wait` says. FAILED_PRECONDITION names the
  // process that holds it and the two ways out.
  static absl::StatusOr<std::unique_ptr<OwnerLock>> Take(const std::string& path,
                                                         absl::Duration wait);
  ~OwnerLock();
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;

 private:
  OwnerLock() = default;
  int file_ = -1;
};

// The right to fill a file that gets its real name when it is whole: a lock beside it, as long as
// this object lives. The file is not there at first, and neither is there at the end.
class PartFile {
 public:
  // FAILED_PRECONDITION when another process fills it.
  static absl::StatusOr<std::unique_ptr<PartFile>> Take(const std::string& path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

 private:
  explicit PartFile(const std::string& path) : path_(path), lock_(path + ".lock") {}
  bool named() const;  // the lock's path still means the file that is locked

  const std::string path_, lock_;
  int file_ = -1;  // of the lock
};

// Makes sure that the name of a new file outlasts a power loss.
absl::Status SyncFolderOf(const std::string& path);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_OWNER_LOCK_H_
