// SPDX-License-Identifier: Apache-2.0
#define XXH_INLINE_ALL
#include "store/page_seal.h"

#include <xxhash.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace leadcore {
namespace {

constexpr std::string_view kMagic("SQLite format 3\0", 16);

// Places in the header of a SQLite file.
constexpr size_t kPageSizeAt = 16;
constexpr size_t kReservedAt = 20;
constexpr size_t kApplicationIdAt = 68;

uint64_t Checksum(const unsigned char* page, int size, int64_t number) {
  return XXH3_64bits_withSeed(page, static_cast<size_t>(size - kPageChecksumBytes),
                              static_cast<uint64_t>(number));
}

}  // namespace

bool IsPageSize(int64_t size) {
  return size >= 512 && size <= kLargestPage && (size & (size - 1)) == 0;
}

void SealPage(unsigned char* page, int size, int64_t number) {
  const uint64_t sum = Checksum(page, size, number);
  for (int i = 0; i < kPageChecksumBytes; ++i) {
    page[size - kPageChecksumBytes + i] = static_cast<unsigned char>(sum >> (8 * i));
  }
}

bool PageSealed(const unsigned char* page, int size, int64_t number) {
  uint64_t sum = 0;
  for (int i = kPageChecksumBytes - 1; i >= 0; --i) {
    sum = sum << 8 | page[size - kPageChecksumBytes + i];
  }
  return sum == Checksum(page, size, number);
}

FileHeader ReadFileHeader(const unsigned char* bytes) {
  FileHeader header;
  if (std::memcmp(bytes, kMagic.data(), kMagic.size()) != 0) return header;
  const uint32_t application =
      uint32_t{bytes[kApplicationIdAt]} << 24 | uint32_t{bytes[kApplicationIdAt + 1]} << 16 |
      uint32_t{bytes[kApplicationIdAt + 2]} << 8 | uint32_t{bytes[kApplicationIdAt + 3]};
  // Either mark will do: one of them may be what is damaged.
  header.ours = bytes[kReservedAt] == kPageChecksumBytes || application == kApplicationId;
  header.page_size = bytes[kPageSizeAt] << 8 | bytes[kPageSizeAt + 1];
  if (header.page_size == 1) header.page_size = kLargestPage;
  return header;
}

}  // namespace leadcore
