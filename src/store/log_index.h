// SPDX-License-Identifier: Apache-2.0
//
// Which pages a write-ahead log holds (sqlite.org/fileformat2.html, section 4), read past SQLite.
#ifndef LEADCORE_SRC_STORE_LOG_INDEX_H_
#define LEADCORE_SRC_STORE_LOG_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "absl/functional/function_ref.h"

namespace leadcore {

struct LogIndex {
  int page_size = 0;  // 0: there is no log, or its header is damaged
  int64_t count = 0;  // pages of the database after the last commit; 0: none is there
  std::map<int64_t, int64_t> pages;  // by number: where in the log the page begins
};

// The pages of every commit that is in the log whole: each frame has the salts of the log, and a
// checksum over all before it. `read` fills so many bytes from an offset on, or says false.
LogIndex ReadLogIndex(
    absl::FunctionRef<bool(int64_t offset, unsigned char* out, size_t size)> read);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_LOG_INDEX_H_
