// SPDX-License-Identifier: Apache-2.0
//
// The system's files as a SQLite VFS that counts what is written and synced, and can make every
// sync take longer, as on a disk that is slow or far away.
#ifndef LEADCORE_BENCHMARKS_COUNTING_VFS_H_
#define LEADCORE_BENCHMARKS_COUNTING_VFS_H_

#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

namespace leadcore::bench {

// Registered under `name` for as long as it lives.
class CountingVfs {
 public:
  explicit CountingVfs(std::string name) : name_(std::move(name)) {
    base_ = sqlite3_vfs_find(nullptr);
    vfs_ = *base_;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
    vfs_.xOpen = Open;
    vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
      sqlite3_vfs* const base = Of(vfs)->base_;
      return base->xDelete(base, path, sync);
    };
    vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* out) {
      sqlite3_vfs* const base = Of(vfs)->base_;
      return base->xAccess(base, path, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
      sqlite3_vfs* const base = Of(vfs)->base_;
      return base->xFullPathname(base, path, size, out);
    };
    methods_ = Methods();
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~CountingVfs() { sqlite3_vfs_unregister(&vfs_); }
  CountingVfs(const CountingVfs&) = delete;
  CountingVfs& operator=(const CountingVfs&) = delete;

  const std::string& name() const { return name_; }

  // How much longer each sync takes.
  std::atomic<int64_t> sync_micros = 0;
  std::atomic<int64_t> syncs = 0;
  std::atomic<int64_t> bytes_written = 0;

 private:
  struct File {
    sqlite3_file shim;  // first: SQLite sees only this
    CountingVfs* vfs;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static CountingVfs* Of(sqlite3_vfs* vfs) { return static_cast<CountingVfs*>(vfs->pAppData); }
  static File* At(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* Real(sqlite3_file* file) { return At(file)->real(); }

  static int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* out) {
    CountingVfs* const self = Of(vfs);
    File* const file = At(handle);
    file->vfs = self;
    file->shim.pMethods = nullptr;
    const int code = self->base_->xOpen(self->base_, path, file->real(), flags, out);
    if (file->real()->pMethods != nullptr) file->shim.pMethods = &self->methods_;
    return code;
  }
  static int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    At(file)->vfs->bytes_written += size;
    return Real(file)->pMethods->xWrite(Real(file), bytes, size, offset);
  }
  static int Sync(sqlite3_file* file, int flags) {
    CountingVfs* const vfs = At(file)->vfs;
    ++vfs->syncs;
    const int code = Real(file)->pMethods->xSync(Real(file), flags);
    const int64_t more = vfs->sync_micros;
    if (more > 0) std::this_thread::sleep_for(std::chrono::microseconds(more));
    return code;
  }

  // Calls handed on as they are.
  template <auto kMember, typename... Arguments>
  static auto Hand(sqlite3_file* file, Arguments... arguments) {
    return (Real(file)->pMethods->*kMember)(Real(file), arguments...);
  }
  static sqlite3_io_methods Methods() {
    using M = sqlite3_io_methods;
    M methods = {};
    methods.iVersion = 2;
    methods.xClose = Hand<&M::xClose>;
    methods.xRead = Hand<&M::xRead, void*, int, sqlite3_int64>;
    methods.xWrite = Write;
    methods.xTruncate = Hand<&M::xTruncate, sqlite3_int64>;
    methods.xSync = Sync;
    methods.xFileSize = Hand<&M::xFileSize, sqlite3_int64*>;
    methods.xLock = Hand<&M::xLock, int>;
    methods.xUnlock = Hand<&M::xUnlock, int>;
    methods.xCheckReservedLock = Hand<&M::xCheckReservedLock, int*>;
    methods.xFileControl = Hand<&M::xFileControl, int, void*>;
    methods.xSectorSize = Hand<&M::xSectorSize>;
    methods.xDeviceCharacteristics = Hand<&M::xDeviceCharacteristics>;
    methods.xShmMap = Hand<&M::xShmMap, int, int, int, void volatile**>;
    methods.xShmLock = Hand<&M::xShmLock, int, int, int>;
    methods.xShmBarrier = Hand<&M::xShmBarrier>;
    methods.xShmUnmap = Hand<&M::xShmUnmap, int>;
    return methods;
  }

  const std::string name_;
  sqlite3_vfs* base_ = nullptr;
  sqlite3_vfs vfs_ = {};
  sqlite3_io_methods methods_ = {};
};

}  // namespace leadcore::bench

#endif  // LEADCORE_BENCHMARKS_COUNTING_VFS_H_
