// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_page_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "store/log_index.h"
#include "store/page_seal.h"
#include "text.h"

namespace leadcore {
namespace {

struct ShimFile {
  sqlite3_file shim;  // first: SQLite sees only this
  sqlite3_file* real;
  unsigned char* buffer;
};

struct ShimVfs {
  sqlite3_vfs vfs = {};
  std::string name;
};

ShimFile* Shim(sqlite3_file* file) { return reinterpret_cast<ShimFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Shim(file)->real; }
sqlite3_vfs* Base(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

int Damaged(int64_t number) {
  sqlite3_log(SQLITE_IOERR_DATA, "the checksum of page %lld is wrong",
              static_cast<long long>(number));
  return SQLITE_IOERR_DATA;
}

// Whether the file says by its first bytes that it is ours. What is too short or garbled says no.
bool SaysOurs(sqlite3_file* real) {
  unsigned char bytes[kFileHeaderBytes];
  return real->pMethods->xRead(real, bytes, kFileHeaderBytes, 0) == SQLITE_OK &&
         ReadFileHeader(bytes).ours;
}

// Reads page `number` of `size` bytes into `page` and checks it.
int ReadPage(sqlite3_file* real, unsigned char* page, int size, int64_t number) {
  const int code = real->pMethods->xRead(real, page, size, (number - 1) * size);
  if (code == SQLITE_OK && PageSealed(page, size, number)) return SQLITE_OK;
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
  // Page 1 without its mark: SQLite says what it is, or is not. SQLite asks for no page past the
  // end of a file that is whole.
  const bool ours = number == 1 ? ReadFileHeader(page).ours : SaysOurs(real);
  return ours ? Damaged(number) : code;
}

// SQLite reads whole pages, and the first bytes of a file before it has looked whether a log or
// journal makes them good: those are as they are, page 1 is read again afterwards.
int Read(sqlite3_file* handle, void* out, int amount, sqlite3_int64 offset) {
  sqlite3_file* const real = Real(handle);
  if (!IsPageSize(amount) || offset % amount != 0) {
    return real->pMethods->xRead(real, out, amount, offset);
  }
  return ReadPage(real, static_cast<unsigned char*>(out), amount, offset / amount + 1);
}

int Write(sqlite3_file* handle, const void* bytes, int amount, sqlite3_int64 offset) {
  ShimFile* const file = Shim(handle);
  // SQLite writes whole pages to a main file, and nothing else.
  if (!IsPageSize(amount) || offset % amount != 0) return SQLITE_IOERR_WRITE;
  std::memcpy(file->buffer, bytes, static_cast<size_t>(amount));
  SealPage(file->buffer, amount, offset / amount + 1);
  return file->real->pMethods->xWrite(file->real, file->buffer, amount, offset);
}

int Close(sqlite3_file* handle) {
  ShimFile* const file = Shim(handle);
  sqlite3_free(file->buffer);
  return file->real->pMethods->xClose(file->real);
}

// What only the real file knows.
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  return Real(file)->pMethods->xTruncate(Real(file), size);
}
int Sync(sqlite3_file* file, int flags) { return Real(file)->pMethods->xSync(Real(file), flags); }
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  return Real(file)->pMethods->xFileSize(Real(file), size);
}
int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
int Unlock(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xUnlock(Real(file), level);
}
int CheckReservedLock(sqlite3_file* file, int* out) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), out);
}
int FileControl(sqlite3_file* file, int what, void* argument) {
  return Real(file)->pMethods->xFileControl(Real(file), what, argument);
}
int SectorSize(sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); }
int Characteristics(sqlite3_file* file) {
  return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, out);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { Real(file)->pMethods->xShmBarrier(Real(file)); }
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->pMethods->xShmUnmap(Real(file), remove);
}

// Version 2: no memory maps, past which pages would come unchecked.
constexpr sqlite3_io_methods kMethods = {2,
                                         Close,
                                         Read,
                                         Write,
                                         Truncate,
                                         Sync,
                                         FileSize,
                                         Lock,
                                         Unlock,
                                         CheckReservedLock,
                                         FileControl,
                                         SectorSize,
                                         Characteristics,
                                         ShmMap,
                                         ShmLock,
                                         ShmBarrier,
                                         ShmUnmap,
                                         nullptr,
                                         nullptr};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* out_flags) {
  sqlite3_vfs* const base = Base(vfs);
  // Logs, journals and temporary files are the base's own.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return base->xOpen(base, name, handle, flags, out_flags);
  ShimFile* const file = Shim(handle);
  file->shim.pMethods = nullptr;
  file->real = reinterpret_cast<sqlite3_file*>(file + 1);
  file->buffer = static_cast<unsigned char*>(sqlite3_malloc(kLargestPage));
  if (file->buffer == nullptr) return SQLITE_NOMEM;
  file->real->pMethods = nullptr;
  const int code = base->xOpen(base, name, file->real, flags, out_flags);
  if (code == SQLITE_OK) {
    file->shim.pMethods = &kMethods;
    return code;
  }
  sqlite3_free(file->buffer);
  if (file->real->pMethods != nullptr) file->real->pMethods->xClose(file->real);
  return code;
}

// The rest of the VFS, asked of the base.
int Delete(sqlite3_vfs* vfs, const char* name, int sync) {
  return Base(vfs)->xDelete(Base(vfs), name, sync);
}
int Access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
  return Base(vfs)->xAccess(Base(vfs), name, flags, out);
}
int FullPathname(sqlite3_vfs* vfs, const char* name, int size, char* out) {
  return Base(vfs)->xFullPathname(Base(vfs), name, size, out);
}
int Randomness(sqlite3_vfs* vfs, int size, char* out) {
  return Base(vfs)->xRandomness(Base(vfs), size, out);
}
int Sleep(sqlite3_vfs* vfs, int micros) { return Base(vfs)->xSleep(Base(vfs), micros); }
int CurrentTime(sqlite3_vfs* vfs, double* out) { return Base(vfs)->xCurrentTime(Base(vfs), out); }
int LastError(sqlite3_vfs* vfs, int size, char* out) {
  return Base(vfs)->xGetLastError(Base(vfs), size, out);
}
int CurrentTimeInt64(sqlite3_vfs* vfs, sqlite3_int64* out) {
  return Base(vfs)->xCurrentTimeInt64(Base(vfs), out);
}

// SQLite keeps pointers to what is registered for as long as the process lives.
struct Registry {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<ShimVfs>> by_base;
  std::vector<std::unique_ptr<ShimVfs>> retired;  // connections may still use them
};

std::unique_ptr<ShimVfs> MakeVfs(sqlite3_vfs* base) {
  auto made = std::make_unique<ShimVfs>();
  made->name = Cat("leadcore/", std::string_view(base->zName));
  sqlite3_vfs& vfs = made->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = static_cast<int>(sizeof(ShimFile)) + base->szOsFile;
  vfs.mxPathname = base->mxPathname;
  vfs.zName = made->name.c_str();
  vfs.pAppData = base;
  vfs.xOpen = Open;
  vfs.xDelete = Delete;
  vfs.xAccess = Access;
  vfs.xFullPathname = FullPathname;
  vfs.xRandomness = Randomness;
  vfs.xSleep = Sleep;
  vfs.xCurrentTime = CurrentTime;
  vfs.xGetLastError = LastError;
  vfs.xCurrentTimeInt64 = CurrentTimeInt64;
  return made;
}

// A database opened for reading past SQLite: its main file, or its log.
class RawFile {
 public:
  ~RawFile() {
    if (file_ != nullptr && file_->pMethods != nullptr) file_->pMethods->xClose(file_);
    sqlite3_free_filename(name_);
  }
  absl::Status Open(const std::string& path, const std::string& base, bool log) {
    sqlite3_vfs* const vfs = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
    if (vfs == nullptr) return InvalidArgument("there is no SQLite VFS '", base, "'");
    memory_ = std::make_unique<std::max_align_t[]>(
        static_cast<size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    file_ = reinterpret_cast<sqlite3_file*>(memory_.get());
    std::string full(static_cast<size_t>(vfs->mxPathname) + 1, '\0');
    int code = vfs->xFullPathname(vfs, path.c_str(), vfs->mxPathname + 1, full.data());
    full.resize(std::strlen(full.c_str()));
    name_ = sqlite3_create_filename(full.c_str(), "", Cat(full, "-wal").c_str(), 0, nullptr);
    if (name_ == nullptr) return absl::ResourceExhaustedError("out of memory");
    const char* const name = log ? sqlite3_filename_wal(name_) : name_;
    const int flags = SQLITE_OPEN_READONLY | (log ? SQLITE_OPEN_WAL : SQLITE_OPEN_MAIN_DB);
    if (code == SQLITE_OK) code = vfs->xOpen(vfs, name, file_, flags, nullptr);
    if (code == SQLITE_OK) return absl::OkStatus();
    return NotFound(path, " cannot be opened");
  }
  bool Read(void* out, int size, int64_t offset) {
    return file_->pMethods->xRead(file_, out, size, offset) == SQLITE_OK;
  }
  sqlite3_file* get() { return file_; }

 private:
  std::unique_ptr<std::max_align_t[]> memory_;
  sqlite3_filename name_ = nullptr;
  sqlite3_file* file_ = nullptr;
};

// What the main file says of the pages that are in the log does not count.
LogIndex ReadLog(const std::string& path, const std::string& base) {
  RawFile log;
  if (!log.Open(path, base, true).ok()) return {};
  return ReadLogIndex([&log](int64_t offset, unsigned char* out, size_t size) {
    return log.Read(out, static_cast<int>(size), offset);
  });
}

}  // namespace

absl::StatusOr<std::string> PageVfs(const std::string& base) {
  static auto* const registry = new Registry;
  sqlite3_vfs* const found = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  if (found == nullptr) return InvalidArgument("there is no SQLite VFS '", base, "'");
  const std::lock_guard lock(registry->mutex);
  std::unique_ptr<ShimVfs>& known = registry->by_base[found->zName];
  // A base that went and came again under its name has another address.
  if (known == nullptr || known->vfs.pAppData != found) {
    if (known != nullptr) {
      sqlite3_vfs_unregister(&known->vfs);
      registry->retired.push_back(std::move(known));
    }
    known = MakeVfs(found);
    if (sqlite3_vfs_register(&known->vfs, 0) != SQLITE_OK) {
      known.reset();
      return absl::ResourceExhaustedError("out of memory; the VFS was not registered");
    }
  }
  return known->name;
}

absl::Status CheckPages(const std::string& path, const std::string& base,
                        absl::FunctionRef<void(int64_t page)> damaged) {
  // A page that is just being written may be seen torn, a few times at most.
  constexpr int kMostTries = 100;
  constexpr int64_t kLockByteAt = int64_t{1} << 30;
  RawFile raw;
  const absl::Status opened = raw.Open(path, base, false);
  if (!opened.ok()) return opened;
  unsigned char bytes[kFileHeaderBytes];
  sqlite3_int64 bytes_in_file = 0;
  if (!raw.Read(bytes, kFileHeaderBytes, 0) ||
      raw.get()->pMethods->xFileSize(raw.get(), &bytes_in_file) != SQLITE_OK) {
    return FailedPrecondition(path, " cannot be read");
  }
  const FileHeader header = ReadFileHeader(bytes);
  std::optional<LogIndex> log;
  int page_size = header.page_size;
  if (!header.ours || !IsPageSize(page_size)) {
    log = ReadLog(path, base);
    page_size = log->page_size;
    if (log->pages.count(1) == 0) {
      damaged(1);
      return absl::OkStatus();
    }
  }
  const auto buffer = std::make_unique<unsigned char[]>(static_cast<size_t>(page_size));
  const int64_t pages = (bytes_in_file + page_size - 1) / page_size;
  for (int64_t number = 1; number <= pages; ++number) {
    if (number == kLockByteAt / page_size + 1) continue;  // never used
    int code = ReadPage(raw.get(), buffer.get(), page_size, number);
    for (int i = 0; code == SQLITE_IOERR_DATA && i < kMostTries; ++i) {
      std::this_thread::yield();
      code = ReadPage(raw.get(), buffer.get(), page_size, number);
    }
    if (code == SQLITE_OK) continue;
    // The owner may have written the page to the log meanwhile, or made the file shorter.
    if (log && log->pages.count(number) != 0) continue;
    log = ReadLog(path, base);
    if (log->pages.count(number) != 0) continue;
    sqlite3_int64 bytes_now = bytes_in_file;
    raw.get()->pMethods->xFileSize(raw.get(), &bytes_now);
    if (bytes_now < bytes_in_file && (number - 1) * page_size >= bytes_now) break;
    damaged(number);
  }
  return absl::OkStatus();
}

}  // namespace leadcore
