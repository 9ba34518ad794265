// SPDX-License-Identifier: Apache-2.0
//
// The encodings of CSV files. Written out here because iconv loads its tables from files at run
// time, which the library must not do.
#ifndef LEADCORE_SRC_CSV_ENCODING_H_
#define LEADCORE_SRC_CSV_ENCODING_H_

#include <string>
#include <string_view>

#include "leadcore/csv.h"

namespace leadcore::csv_internal {

inline constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";

// What the first bytes of a file say, and how many of them are the byte order mark. kDetect: no
// mark, no UTF-16; each record decides.
struct Detected {
  CsvEncoding encoding = CsvEncoding::kDetect;
  size_t mark = 0;
};
Detected DetectEncoding(std::string_view start);

// Bytes of Windows-1252 as UTF-8. The five bytes it leaves undefined are the C1 controls of
// Latin-1, as the WHATWG Encoding Standard has them.
std::string FromWindows1252(std::string_view bytes);

// UTF-16 that comes in pieces; half characters wait for the next piece. Lone surrogates become
// U+FFFD.
class Utf16Decoder {
 public:
  explicit Utf16Decoder(bool big_endian) : big_endian_(big_endian) {}
  void Append(std::string_view bytes, std::string* out);
  void Finish(std::string* out);  // what is still half becomes U+FFFD

 private:
  void AppendUnit(char32_t unit, std::string* out);

  bool big_endian_;
  int odd_byte_ = -1;
  char32_t high_ = 0;  // a high surrogate that waits for its low one
};

}  // namespace leadcore::csv_internal

#endif  // LEADCORE_SRC_CSV_ENCODING_H_
