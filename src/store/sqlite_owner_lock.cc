// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store/owner_lock.h"
#include "text.h"

namespace leadcore {
namespace {

// What the owner wrote: its process id; "" while it is still writing.
std::string ReadPid(int file) {
  char text[32] = {};
  const ssize_t size = pread(file, text, sizeof(text) - 1, 0);
  std::string pid(text, size > 0 ? static_cast<size_t>(size) : 0);
  while (!pid.empty() && (pid.back() < '0' || pid.back() > '9')) pid.pop_back();
  return pid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OwnerLock>> OwnerLock::Take(const std::string& path) {
  const std::string name = path + ".lock";
  const int file = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return FailedPrecondition(name, " cannot be made (", std::string_view(std::strerror(errno)),
                              "); the folder has to exist and be writable");
  }
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string pid = ReadPid(file);
    close(file);
    if (error != EWOULDBLOCK) {
      return FailedPrecondition(name, " cannot be locked (", std::string_view(std::strerror(error)),
                                ")");
    }
    return FailedPrecondition(path, " is being written by ",
                              pid.empty() ? std::string("another process") : Cat("process ", pid),
                              "; let that one process do all writing, or keep the leads in a ",
                              "database server such as PostgreSQL");
  }
  const std::string pid = Cat(static_cast<int64_t>(getpid()), "\n");
  if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) < 0) {
    const int error = errno;
    close(file);
    return FailedPrecondition(name, " cannot be written (", std::string_view(std::strerror(error)),
                              ")");
  }
  return std::unique_ptr<OwnerLock>(new OwnerLock(file));
}

OwnerLock::~OwnerLock() { close(file_); }

}  // namespace leadcore
