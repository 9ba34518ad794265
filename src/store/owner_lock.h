// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_STORE_OWNER_LOCK_H_
#define LEADCORE_SRC_STORE_OWNER_LOCK_H_

#include <memory>
#include <string>
#include <utility>

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

// A file that becomes whole under another name first: empty when it is taken, gone at the end. It
// is locked itself, for as long as this object lives.
class PartFile {
 public:
  // FAILED_PRECONDITION when another process fills it.
  static absl::StatusOr<std::unique_ptr<PartFile>> Take(const std::string& path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

 private:
  explicit PartFile(std::string path) : path_(std::move(path)) {}
  bool named() const;  // the path still means this file

  const std::string path_;
  int file_ = -1;
};

// Makes sure that the name of a new file outlasts a power loss.
absl::Status SyncFolderOf(const std::string& path);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_OWNER_LOCK_H_
