// SPDX-License-Identifier: Apache-2.0
#include "store/raw_pages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>

#include "store/log_index.h"
#include "store/page_seal.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr int kSmallestPage = 1024;

uint64_t BigEndian(const unsigned char* bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | bytes[i];
  return value;
}

// A number of one to nine bytes, seven bits each, eight in the last.
bool ReadVarint(std::string_view bytes, size_t* at, uint64_t* value) {
  *value = 0;
  for (int i = 0; i < 9; ++i) {
    if (*at >= bytes.size()) return false;
    const auto byte = static_cast<unsigned char>(bytes[(*at)++]);
    if (i == 8) {
      *value = *value << 8 | byte;
      return true;
    }
    *value = *value << 7 | (byte & 0x7f);
    if (byte < 0x80) return true;
  }
  return false;
}

// One value of a record by its serial type; nullopt when the bytes do not suffice.
std::optional<IndexValue> ReadValue(std::string_view body, size_t* at, uint64_t type) {
  constexpr std::array<size_t, 10> kSizes = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type == 10 || type == 11) return std::nullopt;
  const size_t size = type < kSizes.size() ? kSizes[type] : (type - 12) / 2;
  if (size > body.size() - *at) return std::nullopt;
  const std::string_view bytes = body.substr(*at, size);
  *at += size;
  if (type == 0) return IndexValue();
  if (type >= 12) return IndexValue(std::string(bytes));
  if (type >= 8) return IndexValue(static_cast<int64_t>(type - 8));
  const uint64_t bits = BigEndian(reinterpret_cast<const unsigned char*>(bytes.data()), size);
  if (type == 7) return IndexValue(std::bit_cast<double>(bits));
  const auto spare = static_cast<int>(64 - 8 * size);
  return IndexValue(static_cast<int64_t>(bits << spare) >> spare);
}

std::vector<IndexValue> ReadRecord(std::string_view record, size_t columns) {
  std::vector<IndexValue> row;
  size_t at = 0;
  uint64_t head = 0;
  if (!ReadVarint(record, &at, &head) || head > record.size()) return {};
  for (size_t body = head; at < head && row.size() < columns;) {
    uint64_t type = 0;
    if (!ReadVarint(record, &at, &type)) return {};
    std::optional<IndexValue> value = ReadValue(record, &body, type);
    if (!value) return {};
    row.push_back(*std::move(value));
  }
  return row;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RawPages>> RawPages::Open(const std::string& path) {
  std::unique_ptr<RawPages> pages(new RawPages());
  pages->file_.open(path, std::ios::binary);
  if (!pages->file_) return NotFound("there is no database ", path);
  pages->file_.seekg(0, std::ios::end);
  pages->bytes_ = pages->file_.tellg();
  absl::Status status = pages->FindPageSize(path);
  if (!status.ok()) return status;
  pages->usable_ = static_cast<size_t>(pages->page_size_ - kPageChecksumBytes);
  pages->page_.resize(static_cast<size_t>(pages->page_size_));
  // The file may have been cut off; only its first page knows.
  constexpr size_t kPagesAt = 28;
  pages->count_ = pages->bytes_ / pages->page_size_;
  if (pages->Load(1) && ReadFileHeader(pages->page_.data()).ours) {
    pages->count_ = static_cast<int64_t>(BigEndian(pages->page_.data() + kPagesAt, 4));
  }
  pages->ReadLog(path + "-wal");
  pages->loaded_ = 0;
  return pages;
}

bool RawPages::ReadMain(int64_t offset, unsigned char* out, int size) {
  file_.clear();
  file_.seekg(offset);
  file_.read(reinterpret_cast<char*>(out), size);
  return file_.gcount() == size;
}

// The first page may be what is damaged: the size is the one by which pages are whole.
absl::Status RawPages::FindPageSize(const std::string& path) {
  constexpr int64_t kMostTried = 1000;
  unsigned char header[kFileHeaderBytes] = {};
  if (!ReadMain(0, header, kFileHeaderBytes)) return InvalidArgument(path, " is no database");
  std::vector<int> sizes = {ReadFileHeader(header).page_size};
  for (int size = kSmallestPage; size <= kLargestPage; size *= 2) sizes.push_back(size);
  for (const int size : sizes) {
    if (!IsPageSize(size)) continue;
    std::vector<unsigned char> page(static_cast<size_t>(size));
    const int64_t last = std::min(bytes_ / size, kMostTried);
    for (int64_t number = 1; number <= last; ++number) {
      if (!ReadMain((number - 1) * size, page.data(), size)) break;
      if (!PageSealed(page.data(), size, number)) continue;
      page_size_ = size;
      return absl::OkStatus();
    }
  }
  return InvalidArgument(path, " is no leadcore database, or nothing of it is whole");
}

void RawPages::ReadLog(const std::string& path) {
  log_.open(path, std::ios::binary);
  LogIndex log = ReadLogIndex([this](int64_t offset, unsigned char* out, size_t size) {
    log_.clear();
    log_.seekg(offset);
    log_.read(reinterpret_cast<char*>(out), static_cast<std::streamsize>(size));
    return log_.gcount() == static_cast<std::streamsize>(size);
  });
  if (log.page_size != page_size_ || log.count == 0) return;
  logged_ = std::move(log.pages);
  count_ = log.count;
}

bool RawPages::Load(int64_t page) {
  if (page == loaded_) return whole_;
  loaded_ = page;
  whole_ = false;
  if (page < 1 || page > count_) return false;
  const auto logged = logged_.find(page);
  if (logged != logged_.end()) {
    log_.clear();
    log_.seekg(logged->second);
    log_.read(reinterpret_cast<char*>(page_.data()), page_size_);
    whole_ = log_.gcount() == page_size_;
  } else {
    whole_ = ReadMain((page - 1) * page_size_, page_.data(), page_size_) &&
             PageSealed(page_.data(), page_size_, page);
  }
  return whole_;
}

namespace {

// Where the header of a b-tree stands in a page.
size_t HeaderAt(int64_t page) { return page == 1 ? size_t{kFileHeaderBytes} : 0; }

bool IsInner(RawPages::Kind kind) {
  return kind == RawPages::Kind::kInnerIndex || kind == RawPages::Kind::kInnerTable;
}

}  // namespace

RawPages::Kind RawPages::KindOf(int64_t page) {
  if (!Load(page)) return Kind::kDamaged;
  const auto kind = static_cast<Kind>(page_[HeaderAt(page)]);
  const bool tree = IsInner(kind) || kind == Kind::kLeafIndex || kind == Kind::kLeafTable;
  return tree ? kind : Kind::kOther;
}

size_t RawPages::Cells(int64_t page) {
  const Kind kind = KindOf(page);
  if (kind == Kind::kDamaged || kind == Kind::kOther) return 0;
  const size_t cells = BigEndian(page_.data() + HeaderAt(page) + 3, 2);
  const size_t first = HeaderAt(page) + (IsInner(kind) ? 12 : 8);
  return first + 2 * cells <= usable_ ? cells : 0;
}

int64_t RawPages::LastChild(int64_t page) {
  if (!IsInner(KindOf(page))) return 0;
  return static_cast<int64_t>(BigEndian(page_.data() + HeaderAt(page) + 8, 4));
}

RawCell RawPages::Cell(int64_t page, size_t cell, size_t columns) {
  RawCell out;
  if (cell >= Cells(page)) return out;
  const Kind kind = KindOf(page);
  const size_t pointers = HeaderAt(page) + (IsInner(kind) ? 12 : 8);
  size_t at = BigEndian(page_.data() + pointers + 2 * cell, 2);
  const std::string_view bytes(reinterpret_cast<const char*>(page_.data()), usable_);
  if (IsInner(kind)) {
    if (at + 4 > usable_) return out;
    out.child = static_cast<int64_t>(BigEndian(page_.data() + at, 4));
    at += 4;
  }
  uint64_t size = 0, rowid = 0;
  if (kind != Kind::kInnerTable && !ReadVarint(bytes, &at, &size)) return out;
  const bool table = kind == Kind::kInnerTable || kind == Kind::kLeafTable;
  if (table && !ReadVarint(bytes, &at, &rowid)) return out;
  out.rowid = static_cast<int64_t>(rowid);
  if (kind == Kind::kInnerTable) return out;
  const std::string record = Payload(at, size, table, &out.damaged);
  if (out.damaged == 0) out.row = ReadRecord(record, columns);
  return out;
}

// What of a row stands in its page, and behind it in pages of their own (section 1.6).
std::string RawPages::Payload(size_t at, uint64_t size, bool table, int64_t* damaged) {
  const uint64_t most = table ? usable_ - 35 : (usable_ - 12) * 64 / 255 - 23;
  const uint64_t least = (usable_ - 12) * 32 / 255 - 23;
  if (size > static_cast<uint64_t>(bytes_) + logged_.size() * usable_) return "";
  uint64_t local = size;
  if (size > most) {
    local = least + (size - least) % (usable_ - 4);
    if (local > most) local = least;
  }
  if (at + local + (local < size ? 4 : 0) > usable_) return "";
  std::string record(reinterpret_cast<const char*>(page_.data()) + at, local);
  if (local == size) return record;
  auto next = static_cast<int64_t>(BigEndian(page_.data() + at + local, 4));
  const int64_t page = loaded_;
  while (record.size() < size && *damaged == 0) {
    if (!Load(next)) {
      *damaged = next;
      break;
    }
    const size_t part = std::min<size_t>(size - record.size(), usable_ - 4);
    record.append(reinterpret_cast<const char*>(page_.data()) + 4, part);
    next = static_cast<int64_t>(BigEndian(page_.data(), 4));
  }
  Load(page);
  return record;
}

}  // namespace leadcore
