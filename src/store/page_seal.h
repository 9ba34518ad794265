// SPDX-License-Identifier: Apache-2.0
//
// The checksum in the reserved bytes at the end of every page of a database file, and what the
// first bytes of a file say of it.
#ifndef LEADCORE_SRC_STORE_PAGE_SEAL_H_
#define LEADCORE_SRC_STORE_PAGE_SEAL_H_

#include <cstdint>

namespace leadcore {

// What a connection has to reserve at the end of the pages of a new file.
inline constexpr int kPageChecksumBytes = 8;
// PRAGMA application_id of our files: "LEAD".
inline constexpr uint32_t kApplicationId = 0x4c454144;

inline constexpr int kFileHeaderBytes = 100;
inline constexpr int kLargestPage = 65'536;

bool IsPageSize(int64_t size);

// Writes the checksum of page `number` (from 1) of `size` bytes.
void SealPage(unsigned char* page, int size, int64_t number);
bool PageSealed(const unsigned char* page, int size, int64_t number);

struct FileHeader {
  bool ours = false;
  int page_size = 0;  // as told, not checked
};
// From the first kFileHeaderBytes of a file.
FileHeader ReadFileHeader(const unsigned char* bytes);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_PAGE_SEAL_H_
