// SPDX-License-Identifier: Apache-2.0
#include "store/log_index.h"

#include <cstring>
#include <vector>

#include "store/page_seal.h"

namespace leadcore {
namespace {

constexpr size_t kHeader = 32, kFrameHeader = 24, kSums = 8;
constexpr size_t kSalts = 8, kSaltsAt = 16, kFrameSaltsAt = 8;
constexpr uint32_t kMagic = 0x377f0682;  // the last bit tells the order of bytes

uint32_t BigEndian(const unsigned char* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

// The running checksum of a log.
class LogSum {
 public:
  explicit LogSum(bool big_endian) : big_endian_(big_endian) {}
  void Add(const unsigned char* bytes, size_t size) {
    for (size_t at = 0; at + 8 <= size; at += 8) {
      first_ += Word(bytes + at) + second_;
      second_ += Word(bytes + at + 4) + first_;
    }
  }
  bool Is(const unsigned char* bytes) const {
    return BigEndian(bytes) == first_ && BigEndian(bytes + 4) == second_;
  }

 private:
  uint32_t Word(const unsigned char* bytes) const {
    const uint32_t word = BigEndian(bytes);
    return big_endian_ ? word : __builtin_bswap32(word);
  }
  const bool big_endian_;
  uint32_t first_ = 0, second_ = 0;
};

}  // namespace

LogIndex ReadLogIndex(
    absl::FunctionRef<bool(int64_t offset, unsigned char* out, size_t size)> read) {
  LogIndex found;
  unsigned char header[kHeader];
  if (!read(0, header, kHeader) || (BigEndian(header) & ~1u) != kMagic) return found;
  LogSum sum((header[3] & 1) != 0);
  sum.Add(header, kHeader - kSums);
  const auto page_size = static_cast<int>(BigEndian(header + 8));
  if (!sum.Is(header + kHeader - kSums) || !IsPageSize(page_size)) return found;
  found.page_size = page_size;
  const size_t size = kFrameHeader + static_cast<size_t>(page_size);
  std::vector<unsigned char> frame(size);
  std::map<int64_t, int64_t> pending;  // not committed yet
  for (int64_t at = kHeader; read(at, frame.data(), size); at += static_cast<int64_t>(size)) {
    if (std::memcmp(frame.data() + kFrameSaltsAt, header + kSaltsAt, kSalts) != 0) break;
    sum.Add(frame.data(), kFrameSaltsAt);
    sum.Add(frame.data() + kFrameHeader, size - kFrameHeader);
    if (!sum.Is(frame.data() + kFrameHeader - kSums)) break;
    pending[BigEndian(frame.data())] = at + static_cast<int64_t>(kFrameHeader);
    const uint32_t count = BigEndian(frame.data() + 4);
    if (count == 0) continue;
    for (const auto& [page, place] : pending) found.pages[page] = place;
    pending.clear();
    found.count = count;
  }
  return found;
}

}  // namespace leadcore
