// SPDX-License-Identifier: Apache-2.0
//
// A disk in memory, as a SQLite VFS: what it was told and what would outlast a power loss are two
// things, every call is counted and may fail, and all of it can be read and changed from outside.
#ifndef LEADCORE_TESTS_DISK_VFS_H_
#define LEADCORE_TESTS_DISK_VFS_H_

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leadcore::testing {

// What a call did to the disk, in order.
struct DiskOp {
  enum class Kind : uint8_t { kCreate, kWrite, kTruncate, kSync, kDelete };
  Kind kind;
  std::string path;
  int64_t offset = 0;  // of a write; the new size of a truncation; not 0: a deletion that lasts
  std::string bytes = {};
};

using DiskFiles = std::map<std::string, std::string>;

// How often this thread holds a disk: tests that let memory run out spare the disk.
inline thread_local int at_the_disk = 0;

class DiskMutex {
 public:
  void lock() {
    ++at_the_disk;
    mutex_.lock();
  }
  void unlock() {
    mutex_.unlock();
    --at_the_disk;
  }

 private:
  std::mutex mutex_;
};

class FakeDisk {
 public:
  enum class Call : uint8_t {
    kOpen,
    kRead,
    kWrite,
    kTruncate,
    kSync,
    kSize,
    kLock,
    kShm,
    kDelete,
    kAccess
  };

  // Registered under `name` for as long as this object lives.
  explicit FakeDisk(std::string name, DiskFiles files = {}) : name_(std::move(name)) {
    Restore(std::move(files));
    vfs_.iVersion = 2;
    vfs_.szOsFile = sizeof(Handle);
    vfs_.mxPathname = 256;
    vfs_.zName = name_.c_str();
    vfs_.pAppData = this;
    vfs_.xOpen = Open;
    vfs_.xDelete = Delete;
    vfs_.xAccess = Access;
    vfs_.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
      sqlite3_snprintf(size, out, "%s", path);
      return SQLITE_OK;
    };
    vfs_.xRandomness = [](sqlite3_vfs* vfs, int size, char* out) {
      auto& random = Of(vfs)->random_;
      for (int i = 0; i < size; ++i) out[i] = static_cast<char>(random());
      return size;
    };
    vfs_.xSleep = [](sqlite3_vfs*, int micros) { return micros; };
    vfs_.xCurrentTime = [](sqlite3_vfs*, double* out) {
      *out = 2'460'000.5;
      return SQLITE_OK;
    };
    vfs_.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* out) {
      *out = int64_t{212'544'043'200'000};
      return SQLITE_OK;
    };
    vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FakeDisk() { sqlite3_vfs_unregister(&vfs_); }
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  const std::string& name() const { return name_; }

  // Asked before each call, with its number from 0: another code than SQLITE_OK is its answer, and
  // it does nothing. Called with the disk locked.
  std::function<int(Call, int64_t number)> hook;
  // Told what was done, when it is set.
  std::function<void(DiskOp)> record;
  // Called at each sync without the disk locked: slow disks.
  std::function<void()> at_sync;

  int64_t calls() const { return calls_; }
  DiskFiles Files() {
    const std::lock_guard lock(mutex_);
    DiskFiles files;
    for (const auto& [path, node] : nodes_) files[path] = node->content;
    return files;
  }
  // Other files than before; none may be open.
  void Restore(DiskFiles files) {
    const std::lock_guard lock(mutex_);
    nodes_.clear();
    for (auto& [path, content] : files) Make(path)->content = std::move(content);
  }
  std::string* File(const std::string& path) { return &nodes_.at(path)->content; }
  // Null when there is none.
  const std::string* FindFile(const std::string& path) const {
    const auto at = nodes_.find(path);
    return at == nodes_.end() ? nullptr : &at->second->content;
  }
  // The first bytes of what the connections to a file share: the header of its log's index.
  std::string_view SharedHeader(const std::string& path) const {
    const Node& node = *nodes_.at(path);
    if (node.shm.empty()) return {};
    return {node.shm.front()->data(), node.shm.front()->size()};
  }

 private:
  struct Node {
    std::string content;
    int shared = 0;
    const void* reserved = nullptr;
    const void* exclusive = nullptr;
    std::vector<std::unique_ptr<std::array<char, 32'768>>> shm;
    std::array<int, SQLITE_SHM_NLOCK> shm_shared = {};
    std::array<const void*, SQLITE_SHM_NLOCK> shm_exclusive = {};
    int shm_users = 0;
  };
  struct Handle {
    sqlite3_file file;
    FakeDisk* disk;
    std::shared_ptr<Node>* node;
    std::string* path;
    int level;
    bool shm;
    bool delete_on_close;
  };

  static FakeDisk* Of(sqlite3_vfs* vfs) { return static_cast<FakeDisk*>(vfs->pAppData); }
  static Handle* At(sqlite3_file* file) { return reinterpret_cast<Handle*>(file); }
  static Node& NodeOf(sqlite3_file* file) { return **At(file)->node; }

  std::shared_ptr<Node> Make(const std::string& path) {
    auto& node = nodes_[path];
    if (node == nullptr) node = std::make_shared<Node>();
    return node;
  }
  int Ask(Call call) {
    const int64_t number = calls_++;
    return hook ? hook(call, number) : SQLITE_OK;
  }
  void Did(DiskOp op) {
    if (record) record(std::move(op));
  }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    FakeDisk* const disk = Of(vfs);
    const std::lock_guard lock(disk->mutex_);
    Handle* const handle = At(file);
    handle->file.pMethods = nullptr;
    const int code = disk->Ask(Call::kOpen);
    if (code != SQLITE_OK) return SQLITE_CANTOPEN;
    const std::string path = name == nullptr ? "temp" + std::to_string(disk->calls_) : name;
    const bool there = disk->nodes_.count(path) != 0;
    if (!there && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    handle->disk = disk;
    handle->node = new std::shared_ptr<Node>(disk->Make(path));
    handle->path = new std::string(path);
    handle->level = SQLITE_LOCK_NONE;
    handle->shm = false;
    handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (!there) disk->Did({DiskOp::Kind::kCreate, path});
    static const sqlite3_io_methods kMethods = {2,          Close,    Read,      Write,  Truncate,
                                                Sync,       Size,     Lock,      Unlock, Reserved,
                                                Control,    Sector,   Character, ShmMap, ShmLock,
                                                ShmBarrier, ShmUnmap, nullptr,   nullptr};
    handle->file.pMethods = &kMethods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync) {
    FakeDisk* const disk = Of(vfs);
    const std::lock_guard lock(disk->mutex_);
    if (disk->Ask(Call::kDelete) != SQLITE_OK) return SQLITE_IOERR_DELETE;
    if (disk->nodes_.erase(name) == 0) return SQLITE_IOERR_DELETE_NOENT;
    disk->Did({DiskOp::Kind::kDelete, name, sync});
    return SQLITE_OK;
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int, int* out) {
    FakeDisk* const disk = Of(vfs);
    const std::lock_guard lock(disk->mutex_);
    if (disk->Ask(Call::kAccess) != SQLITE_OK) return SQLITE_IOERR_ACCESS;
    const auto at = disk->nodes_.find(name);
    *out = at != disk->nodes_.end() ? 1 : 0;
    return SQLITE_OK;
  }
  static int Close(sqlite3_file* file) {
    Handle* const handle = At(file);
    FakeDisk* const disk = handle->disk;
    const std::lock_guard lock(disk->mutex_);
    Release(handle, SQLITE_LOCK_NONE);
    if (handle->shm) LeaveShm(handle, false);
    if (handle->delete_on_close) disk->nodes_.erase(*handle->path);
    delete handle->node;
    delete handle->path;
    return SQLITE_OK;
  }
  static int Read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    FakeDisk* const disk = At(file)->disk;
    const std::lock_guard lock(disk->mutex_);
    if (disk->Ask(Call::kRead) != SQLITE_OK) return SQLITE_IOERR_READ;
    const std::string& content = NodeOf(file).content;
    const auto start = static_cast<size_t>(offset);
    const size_t there =
        start >= content.size() ? 0 : std::min(static_cast<size_t>(amount), content.size() - start);
    if (there > 0) std::memcpy(out, content.data() + start, there);
    if (there == static_cast<size_t>(amount)) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + there, 0, static_cast<size_t>(amount) - there);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int Write(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 offset) {
    FakeDisk* const disk = At(file)->disk;
    const std::lock_guard lock(disk->mutex_);
    const int code = disk->Ask(Call::kWrite);
    if (code != SQLITE_OK) return code == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    std::string& content = NodeOf(file).content;
    const auto end = static_cast<size_t>(offset) + static_cast<size_t>(amount);
    if (content.size() < end) content.resize(end);
    std::memcpy(content.data() + offset, bytes, static_cast<size_t>(amount));
    if (disk->record) {
      disk->Did({DiskOp::Kind::kWrite, *At(file)->path, offset,
                 std::string(static_cast<const char*>(bytes), static_cast<size_t>(amount))});
    }
    return SQLITE_OK;
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    FakeDisk* const disk = At(file)->disk;
    const std::lock_guard lock(disk->mutex_);
    if (disk->Ask(Call::kTruncate) != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
    NodeOf(file).content.resize(static_cast<size_t>(size));
    disk->Did({DiskOp::Kind::kTruncate, *At(file)->path, size});
    return SQLITE_OK;
  }
  static int Sync(sqlite3_file* file, int) {
    FakeDisk* const disk = At(file)->disk;
    if (disk->at_sync) disk->at_sync();
    const std::lock_guard lock(disk->mutex_);
    if (disk->Ask(Call::kSync) != SQLITE_OK) return SQLITE_IOERR_FSYNC;
    disk->Did({DiskOp::Kind::kSync, *At(file)->path});
    return SQLITE_OK;
  }
  static int Size(sqlite3_file* file, sqlite3_int64* size) {
    FakeDisk* const disk = At(file)->disk;
    const std::lock_guard lock(disk->mutex_);
    if (disk->Ask(Call::kSize) != SQLITE_OK) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(NodeOf(file).content.size());
    return SQLITE_OK;
  }

  // ---- Locks between the connections of this process

  static void Release(Handle* handle, int level) {
    Node& node = **handle->node;
    if (node.exclusive == handle) node.exclusive = nullptr;
    if (node.reserved == handle) node.reserved = nullptr;
    if (level == SQLITE_LOCK_NONE && handle->level >= SQLITE_LOCK_SHARED) --node.shared;
    handle->level = level;
  }
  static int Lock(sqlite3_file* file, int level) {
    Handle* const handle = At(file);
    const std::lock_guard lock(handle->disk->mutex_);
    if (handle->disk->Ask(Call::kLock) != SQLITE_OK) return SQLITE_IOERR_LOCK;
    Node& node = NodeOf(file);
    if (handle->level >= level) return SQLITE_OK;
    if (node.exclusive != nullptr && node.exclusive != handle) return SQLITE_BUSY;
    if (handle->level == SQLITE_LOCK_NONE) {
      ++node.shared;
      handle->level = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    if (node.reserved != nullptr && node.reserved != handle) return SQLITE_BUSY;
    node.reserved = handle;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      if (node.shared > 1) return SQLITE_BUSY;
      node.exclusive = handle;
    }
    handle->level = level;
    return SQLITE_OK;
  }
  static int Unlock(sqlite3_file* file, int level) {
    Handle* const handle = At(file);
    const std::lock_guard lock(handle->disk->mutex_);
    Release(handle, std::min(level, handle->level));
    return SQLITE_OK;
  }
  static int Reserved(sqlite3_file* file, int* out) {
    const std::lock_guard lock(At(file)->disk->mutex_);
    *out = NodeOf(file).reserved != nullptr ? 1 : 0;
    return SQLITE_OK;
  }
  static int Control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int Sector(sqlite3_file*) { return 512; }
  // No promise at all: as a plain disk.
  static int Character(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int ShmMap(sqlite3_file* file, int region, int, int extend, void volatile** out) {
    Handle* const handle = At(file);
    const std::lock_guard lock(handle->disk->mutex_);
    if (handle->disk->Ask(Call::kShm) != SQLITE_OK) return SQLITE_IOERR_SHMMAP;
    Node& node = NodeOf(file);
    if (!handle->shm) {
      handle->shm = true;
      ++node.shm_users;
    }
    const auto wanted = static_cast<size_t>(region) + 1;
    while (node.shm.size() < wanted && extend != 0) {
      node.shm.push_back(std::make_unique<std::array<char, 32'768>>());
      node.shm.back()->fill(0);
    }
    *out = node.shm.size() < wanted ? nullptr : node.shm[wanted - 1]->data();
    return SQLITE_OK;
  }
  static int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
    Handle* const handle = At(file);
    const std::lock_guard lock(handle->disk->mutex_);
    Node& node = NodeOf(file);
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    const bool release = (flags & SQLITE_SHM_UNLOCK) != 0;
    if (!release && handle->disk->Ask(Call::kShm) != SQLITE_OK) return SQLITE_IOERR_SHMLOCK;
    for (int i = offset; i < offset + count && !release; ++i) {
      const auto slot = static_cast<size_t>(i);
      if (node.shm_exclusive[slot] != nullptr) return SQLITE_BUSY;
      if (exclusive && node.shm_shared[slot] > 0) return SQLITE_BUSY;
    }
    for (int i = offset; i < offset + count; ++i) {
      const auto slot = static_cast<size_t>(i);
      if (exclusive) {
        node.shm_exclusive[slot] = release ? nullptr : handle;
      } else {
        node.shm_shared[slot] += release ? -1 : 1;
      }
    }
    return SQLITE_OK;
  }
  static void ShmBarrier(sqlite3_file* file) { const std::lock_guard lock(At(file)->disk->mutex_); }
  static void LeaveShm(Handle* handle, bool remove) {
    Node& node = **handle->node;
    handle->shm = false;
    // What the last one leaves is gone, as with a process that ends.
    if (--node.shm_users == 0 || remove) node.shm.clear();
  }
  static int ShmUnmap(sqlite3_file* file, int remove) {
    const std::lock_guard lock(At(file)->disk->mutex_);
    if (At(file)->shm) LeaveShm(At(file), remove != 0);
    return SQLITE_OK;
  }

  const std::string name_;
  sqlite3_vfs vfs_ = {};
  DiskMutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> nodes_;
  int64_t calls_ = 0;
  std::mt19937_64 random_{1};
};

// The disk as a run of operations leaves it to a power loss.
class CrashModel {
 public:
  void Do(const DiskOp& op) {
    State& file = files_[op.path];
    switch (op.kind) {
      case DiskOp::Kind::kCreate:
        // An unsynced deletion of the same name is overtaken.
        file.exists = true;
        file.content.clear();
        file.pending.clear();
        break;
      case DiskOp::Kind::kWrite:
        Apply(op, &file.content);
        file.pending.push_back(op);
        break;
      case DiskOp::Kind::kTruncate:
        Apply(op, &file.content);
        file.pending.push_back(op);
        break;
      case DiskOp::Kind::kSync:
        file.durable = file.content;
        file.durable_exists = true;
        file.pending.clear();
        break;
      case DiskOp::Kind::kDelete:
        file.exists = false;
        if (op.offset != 0) file.durable_exists = false;
        file.content.clear();
        file.pending.clear();
        break;
    }
  }

  bool AnyPending() const {
    return std::any_of(files_.begin(), files_.end(), [](const auto& file) {
      return !file.second.pending.empty() || file.second.exists != file.second.durable_exists;
    });
  }

  // Nothing that was not synced.
  DiskFiles Lost() const {
    DiskFiles files;
    for (const auto& [path, file] : files_) {
      if (file.durable_exists) files[path] = file.durable;
    }
    return files;
  }
  // All of it.
  DiskFiles Kept() const {
    DiskFiles files;
    for (const auto& [path, file] : files_) {
      if (file.exists) files[path] = file.content;
    }
    return files;
  }
  // Any part of it: sectors of unsynced writes that came through, or not, or as garbage.
  DiskFiles Torn(std::mt19937_64* random) const {
    constexpr size_t kSector = 512;
    DiskFiles files;
    const uint64_t keep = (*random)() % 101;    // of a hundred sectors
    const bool garbage = (*random)() % 4 == 0;  // in this image
    for (const auto& [path, file] : files_) {
      const bool exists = file.exists == file.durable_exists ? file.exists : (*random)() % 2 == 0;
      if (!exists) continue;
      std::string content = file.durable;
      for (const DiskOp& op : file.pending) {
        if (op.kind == DiskOp::Kind::kTruncate) {
          if ((*random)() % 2 == 0) Apply(op, &content);
          continue;
        }
        for (size_t at = 0; at < op.bytes.size();) {
          const size_t place = static_cast<size_t>(op.offset) + at;
          const size_t size = std::min(kSector - place % kSector, op.bytes.size() - at);
          DiskOp part{op.kind, op.path, static_cast<int64_t>(place), op.bytes.substr(at, size)};
          at += size;
          if ((*random)() % 100 >= keep) continue;
          if (garbage && (*random)() % 8 == 0) {
            for (char& byte : part.bytes) byte = static_cast<char>((*random)());
          }
          Apply(part, &content);
        }
      }
      files[path] = std::move(content);
    }
    return files;
  }

 private:
  struct State {
    bool exists = false, durable_exists = false;
    std::string content, durable;
    std::vector<DiskOp> pending;
  };

  static void Apply(const DiskOp& op, std::string* content) {
    if (op.kind == DiskOp::Kind::kTruncate) {
      content->resize(static_cast<size_t>(op.offset));
      return;
    }
    const auto end = static_cast<size_t>(op.offset) + op.bytes.size();
    if (content->size() < end) content->resize(end);
    content->replace(static_cast<size_t>(op.offset), op.bytes.size(), op.bytes);
  }

  std::map<std::string, State> files_;
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_DISK_VFS_H_
