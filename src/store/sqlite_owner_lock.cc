// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "store/owner_lock.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(20);

// What the owner wrote: its process id; "" while it is still writing.
std::string ReadPid(int file) {
  char text[32] = {};
  const ssize_t size = pread(file, text, sizeof(text) - 1, 0);
  std::string pid(text, size > 0 ? static_cast<size_t>(size) : 0);
  while (!pid.empty() && (pid.back() < '0' || pid.back() > '9')) pid.pop_back();
  return pid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OwnerLock>> OwnerLock::Take(const std::string& path,
                                                           absl::Duration wait) {
  // Two names of one file, by a link, are one lock.
  std::error_code unresolved;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, unresolved);
  const std::string name = (unresolved ? path : real.string()) + ".lock";
  // Closes the file on every way out.
  std::unique_ptr<OwnerLock> lock(new OwnerLock);
  const int file = lock->file_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return FailedPrecondition(name, " cannot be made (", std::string_view(std::strerror(errno)),
                              "); the folder has to exist and be writable");
  }
  int locked = flock(file, LOCK_EX | LOCK_NB);
  // Counted, not timed: the library has no clock.
  for (int64_t tries = wait / kPoll; locked != 0 && errno == EWOULDBLOCK && tries > 0; --tries) {
    absl::SleepFor(kPoll);
    locked = flock(file, LOCK_EX | LOCK_NB);
  }
  if (locked != 0) {
    const int error = errno;
    const std::string pid = ReadPid(file);
    if (error != EWOULDBLOCK) {
      return FailedPrecondition(name, " cannot be locked (", std::string_view(std::strerror(error)),
                                ")");
    }
    return FailedPrecondition(path, " is being written by ",
                              pid.empty() ? std::string("another process") : Cat("process ", pid),
                              "; wait for its end (`--wait 60s`), let that one process do all ",
                              "writing, or keep the leads in a database server such as PostgreSQL");
  }
  const std::string pid = Cat(static_cast<int64_t>(getpid()), "\n");
  if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) < 0) {
    return FailedPrecondition(name, " cannot be written (", std::string_view(std::strerror(errno)),
                              ")");
  }
  return lock;
}

absl::Status SyncFolderOf(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  if (synced) return absl::OkStatus();
  return FailedPrecondition(folder.string(), " cannot be synced (",
                            std::string_view(std::strerror(errno)), ")");
}

OwnerLock::~OwnerLock() {
  if (file_ >= 0) close(file_);
}

absl::StatusOr<std::unique_ptr<PartFile>> PartFile::Take(const std::string& path) {
  while (true) {
    std::unique_ptr<PartFile> part(new PartFile(path));
    part->file_ = open(part->lock_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    const bool opened = part->file_ >= 0;
    if (opened && flock(part->file_, LOCK_EX | LOCK_NB) == 0) {
      // Whoever had it may have taken its name away meanwhile.
      if (!part->named()) continue;
      // Only the name of what a killed one left: it may be another name of a file that became
      // whole.
      if (unlink(path.c_str()) == 0 || errno == ENOENT) return part;
    }
    const int error = errno;
    if (opened && error == EWOULDBLOCK) {
      close(std::exchange(part->file_, -1));  // nothing of it is ours
      return FailedPrecondition(path, " is being written by another process; wait for its end");
    }
    return FailedPrecondition(path, " cannot be written (", std::string_view(std::strerror(error)),
                              "); the folder has to exist and be writable");
  }
}

bool PartFile::named() const {
  struct stat at_path = {}, own = {};
  return stat(lock_.c_str(), &at_path) == 0 && fstat(file_, &own) == 0 &&
         at_path.st_dev == own.st_dev && at_path.st_ino == own.st_ino;
}

PartFile::~PartFile() {
  if (file_ < 0) return;
  if (named()) {
    unlink(path_.c_str());
    unlink(lock_.c_str());
  }
  close(file_);
}

}  // namespace leadcore
