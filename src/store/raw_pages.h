// SPDX-License-Identifier: Apache-2.0
//
// A database file past SQLite, for one of which SQLite cannot read all, or nothing: its pages as
// the last commit left them, and the rows that stand in them (sqlite.org/fileformat2.html).
#ifndef LEADCORE_SRC_STORE_RAW_PAGES_H_
#define LEADCORE_SRC_STORE_RAW_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/store.h"

namespace leadcore {

// One cell of a page of a b-tree.
struct RawCell {
  int64_t child = 0;            // page of what stands before it; 0 in a leaf
  int64_t rowid = 0;            // in a table with row ids
  std::vector<IndexValue> row;  // text and blobs both as text; none in an inner page of a table
  int64_t damaged = 0;          // page that takes the end of the row with it; `row` is empty then
};

// Nobody may write to the file meanwhile. Not thread-safe.
class RawPages {
 public:
  enum class Kind : uint8_t {
    kOther = 0,  // free, the rest of a long row, or no page of a b-tree
    kInnerIndex = 2,
    kInnerTable = 5,
    kLeafIndex = 10,  // also of tables without row ids
    kLeafTable = 13,
    kDamaged = 255,
  };

  // NOT_FOUND; INVALID_ARGUMENT when no page of it is one of ours.
  static absl::StatusOr<std::unique_ptr<RawPages>> Open(const std::string& path);

  int64_t count() const { return count_; }
  int page_size() const { return page_size_; }
  Kind KindOf(int64_t page);
  size_t Cells(int64_t page);
  // At most `columns` values of its row.
  RawCell Cell(int64_t page, size_t cell, size_t columns);
  // Page of what stands behind all cells of an inner page.
  int64_t LastChild(int64_t page);

 private:
  RawPages() = default;
  // Reads the page; false when it is damaged.
  bool Load(int64_t page);
  bool ReadMain(int64_t offset, unsigned char* out, int size);
  absl::Status FindPageSize(const std::string& path);
  void ReadLog(const std::string& path);
  std::string Payload(size_t at, uint64_t size, bool table, int64_t* damaged);

  std::ifstream file_, log_;
  int64_t bytes_ = 0;  // of the main file
  int page_size_ = 0;
  size_t usable_ = 0;  // bytes of a page without what is reserved
  int64_t count_ = 0;
  std::map<int64_t, int64_t> logged_;  // place in the log of each page that is there
  int64_t loaded_ = 0;                 // number of the page in page_
  bool whole_ = false;
  std::vector<unsigned char> page_;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_RAW_PAGES_H_
