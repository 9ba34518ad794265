// SPDX-License-Identifier: Apache-2.0
//
// Checksums of pages: a SQLite VFS that puts one into the reserved bytes at the end of every page
// of a main file when it is written, and checks it whenever it is read.
#ifndef LEADCORE_SRC_STORE_SQLITE_PAGE_VFS_H_
#define LEADCORE_SRC_STORE_SQLITE_PAGE_VFS_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace leadcore {

// The name of such a VFS over the one named `base` ("": the system's), registered with the first
// call. A damaged page is read as SQLITE_IOERR_DATA. Files of other programs are read as they are.
// Thread-safe.
absl::StatusOr<std::string> PageVfs(const std::string& base);

// Reads every page of a main file, past SQLite, and tells the numbers of damaged ones (from 1). Not
// OK when the file cannot be read or is not ours. Works beside a writer.
absl::Status CheckPages(const std::string& path, const std::string& base,
                        absl::FunctionRef<void(int64_t page)> damaged);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SQLITE_PAGE_VFS_H_
